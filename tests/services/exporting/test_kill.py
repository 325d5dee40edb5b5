"""`kill -9` at any moment: the next process goes on, and the file holds every row once."""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import psutil
import pytest

from heliograph.db.engine import Database
from heliograph.db.tables import ReportExport
from heliograph.db.tables.exports import ExportStatus
from heliograph.services.exporting.file import export_path
from heliograph.settings import Settings
from tests.db.large_ledger import seed_large_ledger
from tests.services.exporting.exports import exported_by, make_export, reread

ROWS = 40_000
KILLS = 4


async def _start(record: ReportExport, url: str, data_dir: Path) -> Process:
    arguments = (url, str(record.workspace_id), str(record.id), str(data_dir))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.services.exporting.export_process", *arguments, stdout=PIPE
    )


async def test_an_export_killed_again_and_again_is_complete_and_has_nothing_twice(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    ledger = await seed_large_ledger(database, ROWS)
    record = await make_export(database, ledger.workspace_id)
    moments, kills = random.Random(7), 0
    while (await reread(database, record.id)).status is ExportStatus.RUNNING:
        process = await _start(record, database_url, tmp_path)
        assert process.stdout is not None
        committed = await process.stdout.readline()
        if kills < KILLS:
            await asyncio.sleep(moments.random() * 0.1)  # somewhere in the next window
        if kills < KILLS and process.returncode is None and committed:
            process.kill()
            kills += 1
        assert await process.wait() in {0, -signal.SIGKILL}
    assert kills >= 2
    expected = await database.pool.fetch("SELECT id::text FROM message ORDER BY id DESC")
    settings = Settings(data_dir=tmp_path)
    assert [row["id"] for row in exported_by(settings, record.id)] == [row["id"] for row in expected]
    ended = await reread(database, record.id)
    assert (ended.rows_written, ended.rows_examined, ended.rows_to_examine) == (ROWS, ROWS, ROWS)
    assert export_path(settings, record.id).stat().st_size == ended.size


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_export(database: Database, database_url: str, tmp_path: Path) -> None:
    peaks = {}
    for rows in (20_000, 200_000):
        await database.pool.execute("TRUNCATE message CASCADE")
        ledger = await seed_large_ledger(database, rows)
        record = await make_export(database, ledger.workspace_id)
        process = await _start(record, database_url, tmp_path)
        assert process.stdout is not None
        peaks[rows] = 0
        while await process.stdout.readline():
            peaks[rows] = max(peaks[rows], psutil.Process(process.pid).memory_info().rss)
        assert await process.wait() == 0
    assert peaks[200_000] < peaks[20_000] * 1.25
