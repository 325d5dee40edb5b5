"""The activity stops between two chunks when its worker does, and goes on elsewhere."""

import asyncio
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.imports import ImportActivities
from heliograph.contracts import ImportInput
from heliograph.db.engine import Database
from heliograph.db.tables import Workspace
from heliograph.errors import Transient
from heliograph.settings import Settings
from heliograph.simulator.audience_file import write_audience
from tests.services.importing.files import prepare_import


async def test_a_stopping_worker_leaves_the_rest_to_the_next(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    await asyncio.to_thread(write_audience, tmp_path / "a.csv", 30_000, bad_rows=10, duplicates=20)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)
    doors = ImportActivities(database, Settings(data_dir=tmp_path))
    task = ImportInput(workspace_id=workspace.id, import_id=prepared.record.id)
    stopping, heartbeats = ActivityEnvironment(), list[dict[str, int]]()
    stopping.on_heartbeat = heartbeats.append
    stopping.worker_shutdown()
    with pytest.raises(Transient, match="continues where it stands"):
        await stopping.run(doors.import_audience, task)
    assert heartbeats[-1]["rows_added"] == len(await prepared.rows()) > 0
    result = await ActivityEnvironment().run(doors.import_audience, task)
    assert (result.rows_added, result.rows_rejected, result.duplicates) == (29_990, 10, 20)
