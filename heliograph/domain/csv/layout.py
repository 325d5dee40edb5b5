"""The layout of a file, read from its head: encoding, separator, columns, and where the data begin."""

import re
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from heliograph.domain.csv.columns import (
    COLUMN_LIMIT,
    PHONE_NAMES,
    find_country,
    find_phone,
    name_columns,
    variable_name,
)
from heliograph.domain.csv.encodings import detect_encoding
from heliograph.domain.csv.records import ROW_LIMIT, Block, Record
from heliograph.errors import InvalidInput

HEAD_BYTES: Final = ROW_LIMIT
"""Of a file are enough to read its layout from."""

SEPARATORS: Final = (",", ";", "\t", "|")

_OPENING: Final = 4096  # bytes

_DECLARED_IN_FILE: Final = re.compile(r'"?sep=([,;\t|])"?\s*(?:[\r\n]|\Z)')
"""Excel's own line before the header."""


class Declared(BaseModel):
    """What the caller says of the file; what is left out is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: str | None = None
    separator: str | None = None
    phone_column: str | None = None


class Layout(BaseModel):
    """How to read the data of a file."""

    model_config = ConfigDict(frozen=True)

    encoding: str  # a codec of Python, without byte-order mark
    separator: str
    header: list[str]  # as in the file
    names: list[str]  # the same columns as names of variables
    phone: int
    country: int | None
    offset: int  # bytes: the first data record
    line: int  # its line, counted from 1

    @property
    def variables(self) -> list[str]:
        """The columns that templates see: all but the number."""
        return [name for index, name in enumerate(self.names) if index != self.phone]


def read_layout(head: bytes, declared: Declared, *, at_end: bool) -> Layout:
    """The layout of a file that begins with `head` (`HEAD_BYTES` of it, or all: `at_end`).

    Raises `InvalidInput` naming what is wrong with the file as a whole.
    """
    if not head.strip(b"\0\t\r\n \xff\xfe\xef\xbb\xbf"):
        raise InvalidInput.of("file", "is empty", "empty")
    encoding, mark = detect_encoding(head, declared.encoding)
    body = head[mark:]
    separator = _separator(body, encoding, declared.separator, at_end=at_end)
    record, block = _header(body, encoding, separator, at_end=at_end)
    offset = block.consumed
    if at_end and not body[offset:].strip(b"\0\r\n \t"):
        raise InvalidInput.of("file", "has a header and no rows", "no_rows")
    header = [column.strip() for column in record.fields]
    names = name_columns(header)
    phone = find_phone(header, names, declared.phone_column)
    return Layout(
        encoding=encoding,
        separator=separator,
        header=header,
        names=names,
        phone=phone,
        country=find_country(names, phone),
        offset=mark + offset,
        line=block.line,
    )


def _header(body: bytes, encoding: str, separator: str, *, at_end: bool) -> tuple[Record, Block]:
    """The first record that is not blank or Excel's `sep=`, and the block behind it."""
    block = Block(body, at_end=at_end, line=1, encoding=encoding, separator=separator)
    for record in block:
        if record.rule is not None:
            raise InvalidInput.of("header", _HEADER_FAULTS.get(record.rule.value, "cannot be read"), record.rule.value)
        if not any(field.strip() for field in record.fields) or _declared_in_file(record.fields, separator):
            continue
        return record, block
    raise InvalidInput.of("header", f"is longer than {ROW_LIMIT // 2**20} MiB, or not closed by a line end", "too_long")


_HEADER_FAULTS: Final = {
    "not_decodable": "does not decode as text: declare the encoding, for example latin-1 or cp1252",
    "control_character": "holds NUL characters: the file is not CSV text",
    "malformed": "breaks the quoting rules of CSV",
    "unclosed_quote": "opens a quote that is never closed",
}


def _declared_in_file(fields: Sequence[str], separator: str) -> bool:
    return bool(_DECLARED_IN_FILE.fullmatch(separator.join(fields).strip()))


def _separator(body: bytes, encoding: str, declared: str | None, *, at_end: bool) -> str:
    if declared is not None:
        wanted = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}.get(declared, declared)
        if wanted not in SEPARATORS:
            raise InvalidInput.of("separator", "is one of , ; tab |", "separator")
        return wanted
    if found := _DECLARED_IN_FILE.match(body[:40].decode(encoding, "replace")):
        return found[1]
    return max(SEPARATORS, key=lambda separator: _fitness(body, encoding, separator, at_end=at_end))


def _fitness(body: bytes, encoding: str, separator: str, *, at_end: bool) -> tuple[bool, int]:
    """How much like a header the first record looks when it is split here; the first of equals wins."""
    try:
        record, _ = _header(body, encoding, separator, at_end=at_end)
    except InvalidInput:  # it will be told; which separator was meant is seen all the same
        first_line = body[:_OPENING].decode(encoding, "replace").partition("\n")[0]
        return (False, 1 + first_line.count(separator))
    if len(record.fields) > COLUMN_LIMIT:
        return (False, len(record.fields))
    return (any(variable_name(column) in PHONE_NAMES for column in record.fields), len(record.fields))
