"""A process that runs one export, so that a test can kill it. Arguments: database, workspace, export, data_dir."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from heliograph.db.engine import open_database
from heliograph.services.exporting.run import ExportProgress, run_export
from heliograph.settings import Settings


def _tell(progress: ExportProgress) -> None:
    print(progress.rows_written, flush=True)  # noqa: T201 - what the test listens to


async def _main(url: str, workspace_id: UUID, export_id: UUID, data_dir: Path) -> None:
    async with open_database(url) as database:
        await run_export(database, Settings(data_dir=data_dir), workspace_id, export_id, report=_tell)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3]), Path(sys.argv[4])))
