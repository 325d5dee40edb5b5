"""Which encoding a file is in: by its byte-order mark, by its zero bytes, or as the caller declares."""

import codecs
from typing import Final, NamedTuple

from heliograph.errors import InvalidInput

UTF_16: Final = frozenset({"utf-16-le", "utf-16-be"})

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_STRUCTURE: Final = '+0123456789\r\n,;\t|"'
"""What lines, separators and quotes are found by: an encoding must leave these as ASCII has them, or be UTF-16."""

_NOT_TEXT: Final = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "an image"),
    (b"SQLite format 3\0", "a database"),
)
_SAMPLE: Final = 8192
_CONTROLS: Final = tuple(chr(code) for code in range(0x20) if chr(code) not in "\t\n\r\x0b\x0c")


class Encoding(NamedTuple):
    """A codec of Python, and how many bytes of byte-order mark stand before the text."""

    name: str
    mark: int


def detect_encoding(head: bytes, declared: str | None) -> Encoding:
    """The encoding of a file that begins with `head`; UTF-8 when nothing says otherwise.

    Raises `InvalidInput` for a file that is not text, and for a declared encoding that cannot be read.
    """
    for magic, what in _NOT_TEXT:
        if head.startswith(magic):
            raise InvalidInput.of("file", f"is {what}, not CSV text: save it as CSV and import that", "binary")
    if head.startswith((codecs.BOM_UTF32_LE, b"\0\0\xfe\xff")):
        raise InvalidInput.of("encoding", "UTF-32 is not read: save the file as UTF-8", "encoding")
    found = _marked(head) or _by_zero_bytes(head)
    name = _canonical(declared) if declared else None
    if name is not None and (found is None or found.name != name):
        found = _declared(name, found)
    found = found or Encoding("utf-8", 0)
    if _is_binary(head[found.mark : _SAMPLE], found.name):
        raise InvalidInput.of("file", "is binary, not CSV text", "binary")
    return found


def _is_binary(sample: bytes, encoding: str) -> bool:
    """Whether more than a stray control character is among the first."""
    text = sample.decode(encoding, "ignore")
    return sum(map(text.count, _CONTROLS)) > 1 + len(text) // 200


def _marked(head: bytes) -> Encoding | None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    return None


def _by_zero_bytes(head: bytes) -> Encoding | None:
    """UTF-16 without a mark: separators, digits and Latin letters put a zero in every other byte."""
    sample = head[:_SAMPLE]
    pairs = len(sample) // 2
    low, high = sample[0 : pairs * 2 : 2].count(0), sample[1 : pairs * 2 : 2].count(0)
    if pairs and max(low, high) > pairs * 0.3 and max(low, high) > 4 * min(low, high):
        return Encoding("utf-16-le" if high > low else "utf-16-be", 0)
    return None


def _canonical(declared: str) -> str:
    """Python's name of a declared encoding."""
    try:
        name = codecs.lookup(declared).name
        if name in {"utf-16", "utf-8-sig", *UTF_16}:
            return {"utf-8-sig": "utf-8"}.get(name, name)
        structured = _STRUCTURE.encode(name) == _STRUCTURE.encode("ascii")
    except (LookupError, UnicodeError, ValueError, TypeError):
        structured = False
    if not structured:
        raise InvalidInput.of(
            "encoding", f"{declared!r} cannot be read: use utf-8, utf-16, latin-1, cp1252 or the like", "encoding"
        )
    return name


def _declared(name: str, found: Encoding | None) -> Encoding:
    if name == "utf-16":  # the mark or the zero bytes tell the byte order; without either RFC 2781 says big-endian
        return found if found is not None and found.name in UTF_16 else Encoding("utf-16-be", 0)
    if found is not None and found.mark:
        raise InvalidInput.of(
            "encoding", f"{name} is declared, but the file begins with the mark of {found.name}", "encoding"
        )
    return Encoding(name, 0)
