"""The reject file: each row that was not imported, with its line, column, rule and original fields.

It is CSV that a spreadsheet can open without harm: a field that a spreadsheet would run as a formula gets an
apostrophe in front. Mended, it can be imported again; our own first columns become variables then.
"""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

from heliograph.domain.csv.layout import Layout
from heliograph.domain.csv.rules import EXPLANATIONS, RowRule, Rule
from heliograph.domain.phone_numbers import NumberRule

LEADING: Final = ("line", "column", "rule", "reason")

_FORMULA: Final = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_PLAIN_NUMBER: Final = re.compile(r"\+[0-9 ]+")


def spreadsheet_safe(field: str) -> str:
    """The field with an apostrophe in front if a spreadsheet would run it. A number with + is harmless."""
    if not field or not _FORMULA.match(field) or _PLAIN_NUMBER.fullmatch(field):
        return field
    return f"'{field}"


class RejectWriter:
    """Collects the rejected rows of a chunk and counts them by rule."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer)  # lines end as in RFC 4180, so that a lone CR is quoted too
        self.reasons: dict[str, int] = {}

    def header(self) -> None:
        """The first line of the file."""
        self._writer.writerow([*LEADING, *map(spreadsheet_safe, self._layout.header)])

    def add(self, line: int, rule: Rule, fields: Sequence[str]) -> None:
        """One row that is not imported."""
        self.reasons[rule.value] = self.reasons.get(rule.value, 0) + 1
        safe = map(spreadsheet_safe, fields)
        self._writer.writerow([line, self._column(rule), rule.value, EXPLANATIONS[rule], *safe])

    def _column(self, rule: Rule) -> str:
        if isinstance(rule, NumberRule):
            return self._layout.header[self._layout.phone]
        if rule is RowRule.UNKNOWN_REGION and self._layout.country is not None:
            return self._layout.header[self._layout.country]
        return ""

    def getvalue(self) -> bytes:
        """All so far, in UTF-8."""
        return self._buffer.getvalue().encode("utf-8", "replace")
