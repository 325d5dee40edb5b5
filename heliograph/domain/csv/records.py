"""Records of a block of bytes: where each begins, what its fields are, and whether it can be read at all.

A block is at most `ROW_LIMIT` bytes from the start of a record. The last record may reach past the block's end;
it is then left for the next block, which begins with it. So memory is bounded whatever a file holds: a quote that is
never closed costs one block, not the rest of the file.
"""

import csv
import io
from collections.abc import Iterator
from typing import Final, NamedTuple

from heliograph.domain.csv.encodings import UTF_16
from heliograph.domain.csv.rules import RowRule

ROW_LIMIT: Final = 2**20
"""Bytes of one record, and of one block."""

SHOWN: Final = 200
"""Characters of an unreadable record that are kept to recognise it by."""

csv.field_size_limit(ROW_LIMIT)


class Record(NamedTuple):
    """One record. Without a rule it has fields to look at; with one, `fields` are what could be made of it."""

    line: int
    fields: list[str]
    rule: RowRule | None


class Block:
    """Iterates over the records of `data`; afterwards `consumed` and `line` say where the next block begins."""

    def __init__(self, data: bytes, *, at_end: bool, line: int, encoding: str, separator: str) -> None:
        self._first_line = line
        self._encoding = encoding
        self._at_end = at_end
        self._lines = _whole_lines(data, encoding, at_end=at_end)
        self._undecodable: RowRule | None = None
        self._exhausted = False
        self._used = 0
        self._reader = csv.reader(self._text(), delimiter=separator, strict=True)

    @property
    def consumed(self) -> int:
        """Bytes of the records given out so far. None at all: the first line is longer than the block."""
        return sum(map(len, self._lines[: self._used]))

    @property
    def line(self) -> int:
        """The line after the records given out so far."""
        return self._first_line + self._used

    def __iter__(self) -> Iterator[Record]:
        """Each record once, blank lines left out."""
        reader = self._reader
        while True:
            start = self._used
            try:
                fields = next(reader)
            except StopIteration:
                self._used = reader.line_num
                return
            except csv.Error:
                if self._exhausted:
                    if (record := self._unclosed(start)) is not None:
                        yield record
                    return
                self._used = reader.line_num
                yield Record(self._first_line + start, self._shown(start, self._used), RowRule.MALFORMED)
                self._undecodable = None
                continue
            self._used = reader.line_num
            if self._undecodable is not None:
                rule, self._undecodable = self._undecodable, None
                yield Record(self._first_line + start, [field.replace("\0", "") for field in fields], rule)
            elif fields:
                yield Record(self._first_line + start, fields, None)

    def _text(self) -> Iterator[str]:
        """Each line decoded, just before the reader takes it."""
        encoding = self._encoding
        for line in self._lines:
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError:
                self._undecodable = RowRule.NOT_DECODABLE
                text = line.decode(encoding, "replace")
            if "\0" in text:
                self._undecodable = self._undecodable or RowRule.CONTROL_CHARACTER
            yield text
        self._exhausted = True

    def _unclosed(self, start: int) -> Record | None:
        """The quote opened on line `start` is not closed in this block.

        At the end of the file that is the end of it. At the start of a full block it never will be: the quote is a
        stray one, and only its line is lost. Else the next block begins here and sees more.
        """
        if self._at_end:
            self._used = len(self._lines)
        elif start == 0:
            self._used = 1
        else:
            return None
        return Record(self._first_line + start, self._shown(start, self._used), RowRule.UNCLOSED_QUOTE)

    def _shown(self, start: int, end: int) -> list[str]:
        """The beginning of an unreadable record, as one field."""
        raw = b"".join(self._lines[start : min(end, start + 10)])[: SHOWN * 4]
        text = raw.decode(self._encoding, "replace").replace("\0", "")
        return [text[:SHOWN].rstrip("\r\n")]


def _whole_lines(data: bytes, encoding: str, *, at_end: bool) -> list[bytes]:
    """Physical lines with their ends (LF, CRLF or CR); one that the block cuts off is left out."""
    if encoding in UTF_16:
        return _whole_lines_of_utf_16(data, encoding, at_end=at_end)
    if not at_end:
        data = data[: (data.rfind(b"\n") + 1) or data.rfind(b"\r", 0, -1) + 1]
    return data.splitlines(keepends=True)


def _whole_lines_of_utf_16(data: bytes, encoding: str, *, at_end: bool) -> list[bytes]:
    whole = len(data) & ~1
    text = data[:whole].decode(encoding, "surrogatepass")
    if not at_end:
        text = text[: (text.rfind("\n") + 1) or text.rfind("\r", 0, -1) + 1]
    lines = [line.encode(encoding, "surrogatepass") for line in io.StringIO(text, newline="")]
    if at_end and whole < len(data):  # half a character at the end: it spoils the last line alone
        half = data[whole:]
        if lines and not text.endswith(("\r", "\n")):
            lines[-1] += half
        else:
            lines.append(half)
    return lines
