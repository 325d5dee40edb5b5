"""A process that runs one import, so that a test can kill it. Arguments: database, workspace, import, reject file."""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from heliograph.db.engine import open_database
from heliograph.services.importing.run import ImportProgress, run_import


def _tell(progress: ImportProgress) -> None:
    print(progress.rows_added, flush=True)  # noqa: T201 - what the test listens to


async def _main(url: str, workspace_id: UUID, import_id: UUID, rejects: Path) -> None:
    async with open_database(url) as database:
        await run_import(database, workspace_id, import_id, rejects=rejects, report=_tell)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3]), Path(sys.argv[4])))
