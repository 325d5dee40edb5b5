"""Records of blocks: whatever the bytes, nothing is lost, doubled, or held without bound."""

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.domain.csv.records import Block, Record
from heliograph.domain.csv.rules import RowRule


def _read(data: bytes, *, encoding: str = "utf-8", separator: str = ",", block: int = 2**20) -> list[Record]:
    """All records, read in blocks as an import does."""
    records: list[Record] = []
    offset, line = 0, 1
    while offset < len(data):
        piece = data[offset : offset + block]
        one = Block(piece, at_end=offset + block >= len(data), line=line, encoding=encoding, separator=separator)
        records.extend(one)
        assert one.consumed > 0, "a line longer than the block"
        offset, line = offset + one.consumed, one.line
    assert offset == len(data)
    return records


def _fields(records: list[Record]) -> list[list[str]]:
    assert all(record.rule is None for record in records)
    return [record.fields for record in records]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
tables = st.lists(st.lists(cells, min_size=2, max_size=4), max_size=12)


@settings(max_examples=200, deadline=None)
@given(tables, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]), st.sampled_from([",", ";", "\t", "|"]))
def test_what_a_csv_writer_wrote_is_read_back(table: list[list[str]], encoding: str, separator: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(table)
    data = text.getvalue().encode(encoding)
    assert _fields(_read(data, encoding=encoding, separator=separator)) == table
    assert _fields(_read(data, encoding=encoding, separator=separator, block=1024)) == table


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["utf-8", "cp1252", "utf-16-le", "utf-16-be", "shift_jis"]))
def test_no_bytes_make_it_raise_and_all_are_consumed(data: bytes, encoding: str) -> None:
    for record in _read(data, encoding=encoding):
        assert 1 <= record.line <= 201


@settings(max_examples=200, deadline=None)
@given(st.text('a",\n\r', max_size=60))
def test_every_line_that_is_not_blank_is_part_of_some_record(text: str) -> None:
    records = _read(text.encode())
    lines = [record.line for record in records]
    assert lines == sorted(set(lines))
    assert bool(records) == bool(text.strip("\r\n"))


def test_line_ends_of_every_kind_end_a_record() -> None:
    assert _fields(_read(b"a,1\nb,2\r\nc,3\rd,4")) == [["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"]]


def test_a_quoted_line_end_belongs_to_its_field() -> None:
    records = _read(b'a,"x\r\ny"\nb,z\n')
    assert [(record.line, record.fields) for record in records] == [(1, ["a", "x\r\ny"]), (3, ["b", "z"])]


def test_bytes_that_are_not_text_spoil_their_row_alone() -> None:
    records = _read(b"a,1\nb,\xff\nc,3\n")
    assert [record.rule for record in records] == [None, RowRule.NOT_DECODABLE, None]


def test_a_nul_spoils_its_row_alone() -> None:
    records = _read(b"a,1\nb,\0\nc,3\n")
    assert [record.rule for record in records] == [None, RowRule.CONTROL_CHARACTER, None]


def test_a_lone_surrogate_in_utf_16_spoils_its_row_alone() -> None:
    data = "a,1\nb,".encode("utf-16-le") + b"\x00\xd8" + "\nc,3\n".encode("utf-16-le")
    assert [record.rule for record in _read(data, encoding="utf-16-le")] == [None, RowRule.NOT_DECODABLE, None]


def test_text_after_a_closing_quote_spoils_its_row_alone() -> None:
    records = _read(b'a,1\n"b"x,2\nc,3\n')
    assert [record.rule for record in records] == [None, RowRule.MALFORMED, None]


def test_a_quote_open_at_the_end_rejects_the_rest_with_its_line() -> None:
    records = _read(b'a,1\nb,"cut\nc,3\n')
    assert [(record.line, record.rule) for record in records] == [(1, None), (2, RowRule.UNCLOSED_QUOTE)]


def test_a_quote_that_is_not_closed_within_a_block_costs_its_line_alone() -> None:
    data = b'a,1\nb,"stray\n' + b"c,3\n" * 1000
    records = _read(data, block=256)
    assert len(records) == 1002
    assert [record.line for record in records if record.rule is RowRule.UNCLOSED_QUOTE] == [2]


def test_a_line_longer_than_a_block_is_left_to_the_caller() -> None:
    block = Block(b"x" * 100, at_end=False, line=1, encoding="utf-8", separator=",")
    assert list(block) == []
    assert block.consumed == 0


def test_half_a_character_at_the_end_spoils_the_last_row_alone() -> None:
    records = _read("a,1\nb,2".encode("utf-16-le") + b"\0", encoding="utf-16-le")
    assert [record.rule for record in records] == [None, RowRule.NOT_DECODABLE]
