"""Files and imports for tests of the intake, without Temporal."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from heliograph.db.engine import Database
from heliograph.db.tables import Audience, AudienceImport, Workspace
from heliograph.domain.csv.layout import HEAD_BYTES, Declared, read_layout
from heliograph.services.importing.run import ImportOutcome, run_import


@dataclass(frozen=True)
class PreparedImport:
    """An import as the service stores it, over a file."""

    database: Database
    record: AudienceImport
    file: Path

    @property
    def rejects(self) -> Path:
        """Where its rejects go."""
        return self.file.with_suffix(".rejects.csv")

    async def run(self, **more: Any) -> ImportOutcome:
        """Brings it to its end."""
        return await run_import(self.database, self.record.workspace_id, self.record.id, rejects=self.rejects, **more)

    async def rows(self) -> list[tuple[int, str, int | None]]:
        """Number, address and first row with it, of every row in the table."""
        found = await self.database.pool.fetch(
            "SELECT number, address, duplicate_of FROM audience_row WHERE audience_id = $1 ORDER BY number",
            self.record.audience_id,
        )
        return [tuple(row) for row in found]

    async def variables(self) -> list[dict[str, str]]:
        """Of every row."""
        found = await self.database.pool.fetch(
            "SELECT variables FROM audience_row WHERE audience_id = $1 ORDER BY number", self.record.audience_id
        )
        return [row["variables"] for row in found]

    async def ledger(self) -> dict[str, Any]:
        """The import's row."""
        row = await self.database.pool.fetchrow("SELECT * FROM audience_import WHERE id = $1", self.record.id)
        return dict(row)

    async def audience(self) -> dict[str, Any]:
        """The audience's row."""
        row = await self.database.pool.fetchrow("SELECT * FROM audience WHERE id = $1", self.record.audience_id)
        return dict(row)


async def prepare_import(
    database: Database,
    workspace: Workspace,
    file: Path,
    *,
    data: bytes | str | None = None,
    region: str | None = "DE",
    audience: dict[str, Any] | None = None,
    **declared: str,
) -> PreparedImport:
    """An import of `file` (holding `data`) into a new audience, or one that exists."""
    head, size = _written(file, data)
    layout = read_layout(head, Declared(**declared), at_end=size <= HEAD_BYTES)
    owner = Audience(workspace_id=workspace.id, name=file.name)
    record = AudienceImport(
        workspace_id=workspace.id,
        audience_id=owner.id if audience is None else audience["id"],
        path=str(file),
        file_name=file.name,
        digest=sha256(head).digest(),
        size=size,
        options={"layout": layout.model_dump(mode="json"), "region": region},
        number_offset=0 if audience is None else audience["row_count"],
        bytes_read=layout.offset,
        lines_read=layout.line - 1,
    )
    async with database.unit_of_work() as session:
        if audience is None:
            session.add(owner)
            await session.flush()
        session.add(record)
    return PreparedImport(database, record, file)


def _written(file: Path, data: bytes | str | None) -> tuple[bytes, int]:
    """The head and the size of the file, with `data` in it."""
    if data is not None:
        file.write_bytes(data.encode() if isinstance(data, str) else data)
    with file.open("rb") as opened:
        return opened.read(HEAD_BYTES), file.stat().st_size
