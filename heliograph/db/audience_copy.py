"""Rows of an audience as `COPY` takes them. Made where the file is parsed: the event loop only passes bytes on."""

from typing import Final
from uuid import UUID

COLUMNS: Final = ("audience_id", "workspace_id", "number", "address", "region", "variables")


class RowEncoder:
    """Lays rows out in PostgreSQL's text format, numbered without a gap from `number`."""

    def __init__(self, workspace_id: UUID, audience_id: UUID, number: int) -> None:
        self._first = self._next = number
        self._owner = f"{audience_id}\t{workspace_id}\t".encode()
        self._lines: list[bytes] = []

    @property
    def count(self) -> int:
        """Rows so far."""
        return self._next - self._first

    def add(self, address: str, region: str | None, variables: bytes) -> None:
        """One row; `variables` is a JSON object, whose only character that `COPY` would read otherwise is `\\`."""
        self._lines.append(
            b"%b%d\t%b\t%b\t%b\n"
            % (
                self._owner,
                self._next,
                address.encode(),
                region.encode() if region else b"\\N",
                variables.replace(b"\\", b"\\\\"),
            )
        )
        self._next += 1

    def getvalue(self) -> bytes:
        """All rows."""
        return b"".join(self._lines)
