"""Communications as CSV, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from heliograph.domain.communications import STATUS_OF, Communication
from heliograph.domain.csv.rejects import spreadsheet_safe
from heliograph.domain.ledger import MessageState

COLUMNS: Final = tuple(Communication.model_fields)
"""The same names, in the same order, as in the answers of the API."""

_STATES: Final = {state.value: STATUS_OF[state].value for state in MessageState}


def header() -> bytes:
    """The first line of the file."""
    return _written([COLUMNS])


def lines(rows: Iterable[Any]) -> bytes:
    """One line for each row of a window, in UTF-8; instants in UTC, to the millisecond (ISO 8601)."""
    return _written([[_field(name, row) for name in COLUMNS] for row in rows])


def _field(name: str, row: Any) -> str:
    if name == "status":
        return _STATES[row["state"]]
    value = row[name]
    if isinstance(value, str):
        return spreadsheet_safe(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return "" if value is None else str(value)


def _written(rows: Iterable[Iterable[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)  # lines end as in RFC 4180: so a lone carriage return is quoted, too
    return buffer.getvalue().encode("utf-8", "replace")
