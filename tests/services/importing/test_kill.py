"""`kill -9` at any moment: the next process goes on, adds nothing twice and loses nothing."""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import psutil
import pytest

from heliograph.db.engine import Database
from heliograph.db.tables import Workspace
from heliograph.simulator.audience_file import write_audience
from tests.services.importing.files import PreparedImport, prepare_import

ROWS, BAD, DUPLICATES = 45_000, 60, 600
KILLS = 4  # one for each chunk, and one while the end is being written


async def _start(prepared: PreparedImport, url: str) -> Process:
    arguments = (url, str(prepared.record.workspace_id), str(prepared.record.id), str(prepared.rejects))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.services.importing.import_process", *arguments, stdout=PIPE
    )


async def test_an_import_killed_again_and_again_is_complete_and_has_nothing_twice(
    database: Database, database_url: str, workspace: Workspace, tmp_path: Path
) -> None:
    write_audience(tmp_path / "a.csv", ROWS, bad_rows=BAD, duplicates=DUPLICATES)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)
    moments = random.Random(7)
    kills = 0
    while (await prepared.ledger())["status"] == "running":
        process = await _start(prepared, database_url)
        assert process.stdout is not None
        committed = await process.stdout.readline()
        if kills < KILLS:
            await asyncio.sleep(moments.random() * 0.05)  # somewhere in the next chunk
        if kills < KILLS and process.returncode is None and committed:
            process.kill()
            kills += 1
        assert await process.wait() in {0, -signal.SIGKILL}
    assert kills >= 2
    rows = await prepared.rows()
    assert [number for number, _, _ in rows] == list(range(1, ROWS - BAD + 1))
    assert sum(first is not None for _, _, first in rows) == DUPLICATES
    ledger = await prepared.ledger()
    assert (ledger["rows_added"], ledger["rows_rejected"], ledger["duplicates"]) == (ROWS - BAD, BAD, DUPLICATES)
    assert prepared.rejects.stat().st_size == ledger["rejects_size"]
    assert len(prepared.rejects.read_text().splitlines()) == BAD + 1


async def test_the_parser_ends_with_the_process_that_was_killed(
    database: Database, database_url: str, workspace: Workspace, tmp_path: Path
) -> None:
    write_audience(tmp_path / "a.csv", 40_000)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)
    process = await _start(prepared, database_url)
    assert process.stdout is not None
    await process.stdout.readline()
    children = psutil.Process(process.pid).children()
    process.kill()
    await process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
    assert children
    assert not alive


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_file(
    database: Database, database_url: str, workspace: Workspace, tmp_path: Path
) -> None:
    peaks = {}
    for rows in (40_000, 200_000):
        write_audience(tmp_path / f"{rows}.csv", rows)
        prepared = await prepare_import(database, workspace, tmp_path / f"{rows}.csv", region=None)
        peaks[rows] = await _peak_memory(await _start(prepared, database_url))
    assert peaks[200_000] < peaks[40_000] * 1.25


async def _peak_memory(process: Process) -> int:
    """Bytes held by a process and its children together, at most."""
    assert process.stdout is not None
    peak = 0
    while await process.stdout.readline():
        watched = psutil.Process(process.pid)
        peak = max(peak, sum(one.memory_info().rss for one in (watched, *watched.children())))
    assert await process.wait() == 0
    return peak
