"""CSV rows a second into an audience, checked and normalised and rejects kept, against `COPY` of the same rows."""

import asyncio
import time
from pathlib import Path

from bench.figures import Figures, Options, in_turn
from bench.stage import Stage, open_stage
from heliograph.services import audiences, imports
from heliograph.services.importing.staging import stage_path
from heliograph.simulator.audience_file import write_audience

NAME = "import"
ROWS = 200_000
_BAD_SHARE = 0.003
_DUPLICATE_SHARE = 0.01


async def run(options: Options) -> Figures:
    """The bench on a stack of its own: the import as users start it, through its workflow."""
    rows = options.recipients or ROWS
    async with open_stage(options.report) as stage:
        options.report(f"writing a file of {rows:,} rows")
        file = stage.stack.settings.data_dir / "rows.csv"
        await asyncio.to_thread(
            write_audience, file, rows, seed=1, bad_rows=int(rows * _BAD_SHARE), duplicates=int(rows * _DUPLICATE_SHARE)
        )

        async def ours() -> float:
            return await imported_per_second(stage, file, rows)

        async def limit() -> float:
            return await copied_per_second(stage, copy)

        await ours()  # warms up
        copy = await copy_of_rows(stage)
        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "rows/s", rows=rows)


async def imported_per_second(stage: Stage, file: Path, rows: int) -> float:
    """One import into an audience of its own, from its start to its end."""
    audience = await audiences.create_audience(stage.services, stage.actor, name=f"Imported at {time.time()}")
    staged = await stage_path(stage.services.settings, file)
    began = time.perf_counter()
    started = await imports.start_import(
        stage.services, stage.actor, audience.id, staged, imports.ImportOptions(region="US")
    )
    record = await imports.wait_for_import(stage.services, stage.actor, started.audience_import.id)
    seconds = time.perf_counter() - began
    if record.rows_added + record.rows_rejected != rows:
        raise RuntimeError(f"{record.rows_added} + {record.rows_rejected} of {rows} rows: {record.error}")
    return rows / seconds


async def copy_of_rows(stage: Stage) -> Path:
    """The rows of the first audience, as PostgreSQL itself writes them for `COPY`."""
    file = stage.stack.settings.data_dir / "rows.copy"
    await stage.services.database.pool.copy_from_query(
        "SELECT * FROM audience_row WHERE audience_id = (SELECT id FROM audience ORDER BY created_at LIMIT 1)",
        output=str(file),
        format="binary",
    )
    return file


async def copied_per_second(stage: Stage, file: Path) -> float:
    """The same rows, ready made, into a table like that of audiences: the same columns and indexes."""
    async with stage.services.database.pool.acquire() as connection:
        await connection.execute("CREATE TABLE bench_copy (LIKE audience_row INCLUDING ALL)")
        began = time.perf_counter()
        done = await connection.copy_to_table("bench_copy", source=str(file), format="binary")
        seconds = time.perf_counter() - began
        await connection.execute("DROP TABLE bench_copy")
    return int(done.removeprefix("COPY ")) / seconds
