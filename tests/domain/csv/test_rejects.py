"""The reject file is CSV, complete, and harmless to open."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.csv.layout import Declared, read_layout
from heliograph.domain.csv.rejects import RejectWriter, spreadsheet_safe
from heliograph.domain.csv.rules import EXPLANATIONS, RowRule, rule_of
from heliograph.domain.phone_numbers import NumberRule

LAYOUT = read_layout(b"name,Phone,country\nAnna,+4915123456789,DE\n", Declared(), at_end=True)


def _lines(writer: RejectWriter) -> list[list[str]]:
    return list(csv.reader(io.StringIO(writer.getvalue().decode(), newline="")))


def test_a_rejected_row_is_kept_with_line_column_rule_and_fields() -> None:
    writer = RejectWriter(LAYOUT)
    writer.header()
    writer.add(7, NumberRule.TOO_SHORT, ["Zoë", "12", "DE"])
    writer.add(9, RowRule.FIELD_COUNT, ["only one"])
    header, short, fewer = _lines(writer)
    assert header == ["line", "column", "rule", "reason", "name", "Phone", "country"]
    assert short == ["7", "Phone", "number_too_short", EXPLANATIONS[NumberRule.TOO_SHORT], "Zoë", "12", "DE"]
    assert fewer[:3] == ["9", "", "field_count"]
    assert writer.reasons == {"number_too_short": 1, "field_count": 1}


@pytest.mark.parametrize("field", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+1-2"])
def test_a_formula_is_defused(field: str) -> None:
    assert spreadsheet_safe(field) == f"'{field}"


@pytest.mark.parametrize("field", ["", "Anna", "+4915123456789", "+49 151 23456789", "0151-234", "a=b"])
def test_what_is_no_formula_stays_as_it_was(field: str) -> None:
    assert spreadsheet_safe(field) == field


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_any_fields_can_be_kept(fields: list[str]) -> None:
    writer = RejectWriter(LAYOUT)
    writer.add(1, RowRule.MALFORMED, fields)
    (row,) = _lines(writer)
    assert len(row) == 4 + len(fields)


def test_every_rule_has_a_sentence_and_a_code_of_its_own() -> None:
    rules = [*RowRule, *NumberRule]
    assert len({rule.value for rule in rules}) == len(rules)
    assert all(rule_of(rule.value) is rule and EXPLANATIONS[rule] for rule in rules)
