"""`kill -9` of the worker in mid-export: another one goes on, and the file holds every message once."""

import asyncio
import time
from pathlib import Path

import pytest

from heliograph.db.tables.exports import ExportStatus
from heliograph.domain.communications import CommunicationFilters
from heliograph.domain.vocabulary import Role
from heliograph.services import exports
from heliograph.services.context import Actor
from tests.campaigns.stage import open_stage
from tests.db.large_ledger import seed_large_ledger
from tests.kills.killing import HANG_GUARD_SECONDS, KILLED, kill
from tests.services.exporting.exports import exported

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROWS = 100_000


async def test_an_export_outlives_its_worker(tmp_path: Path) -> None:
    async with open_stage(tmp_path / "stack", KILLED) as stage:
        services = stage.services
        ledger = await seed_large_ledger(services.database, ROWS)
        actor = Actor(ledger.workspace_id, Role.OWNER, "test")
        started = await exports.start_export(services, actor, CommunicationFilters())
        deadline = time.monotonic() + HANG_GUARD_SECONDS
        while (await exports.get_export(services, actor, started.id)).rows_written == 0:
            assert time.monotonic() < deadline, "the export does not begin"
            await asyncio.sleep(0.02)
        await kill(stage, "worker-control")
        interrupted = await exports.get_export(services, actor, started.id)
        assert interrupted.status is ExportStatus.RUNNING, "the export was too quick to be killed"
        async with asyncio.timeout(HANG_GUARD_SECONDS):
            ended = await exports.wait_for_export(services, actor, started.id)
        download = await exports.open_export(services, actor, started.id)
        written = [row["id"] for row in await asyncio.to_thread(exported, download.path)]
        expected = await services.database.pool.fetch(
            "SELECT id::text FROM message WHERE workspace_id = $1 ORDER BY id DESC", ledger.workspace_id
        )
    assert (ended.status, ended.rows_written, ended.percent) == (ExportStatus.COMPLETED, ROWS, 100)
    assert written == [row["id"] for row in expected]
