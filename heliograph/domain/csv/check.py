"""The verdict on one row: a number with its variables, or the rule that is broken."""

from collections.abc import Sequence
from typing import Final

from heliograph.domain.csv.layout import Layout
from heliograph.domain.csv.rules import RowRule, Rule
from heliograph.domain.phone_numbers import REGIONS, NumberRule, PhoneNumber, normalise_number

_NOWHERE: Final = ""
"""The region of a country cell that names no region: only a number with its country code can stand beside it."""

_REMEMBERED: Final = 1000  # spellings of countries: a column of rubbish must not fill the memory

CheckedRow = tuple[PhoneNumber, dict[str, str]]
"""A usable row: its number, and its variables without the empty ones."""


class RowChecker:
    """Checks the rows of one file; `region` is where numbers without a country are dialled."""

    def __init__(self, layout: Layout, region: str | None) -> None:
        self._region = region
        self._width = len(layout.names)
        self._phone = layout.phone
        self._country = layout.country
        self._variables = [(index, name) for index, name in enumerate(layout.names) if index != layout.phone]
        self._regions: dict[str, str | None] = {}

    def check(self, fields: Sequence[str]) -> CheckedRow | Rule:
        """The row as it will be kept, or why it is not. An empty cell is a variable that is not there."""
        if len(fields) != self._width:
            return RowRule.FIELD_COUNT
        region = self._region if self._country is None else self._region_of(fields[self._country])
        number = normalise_number(fields[self._phone], region or None)
        if isinstance(number, PhoneNumber):
            return number, {name: text for index, name in self._variables if (text := fields[index].strip())}
        return RowRule.UNKNOWN_REGION if region == _NOWHERE and number is NumberRule.NO_REGION else number

    def _region_of(self, cell: str) -> str | None:
        if cell in self._regions:
            return self._regions[cell]
        code = cell.strip().upper()
        region = self._region if not code else code if code in REGIONS else _NOWHERE
        if len(self._regions) < _REMEMBERED:
            self._regions[cell] = region
        return region
