"""What an export writes, and what it leaves out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from heliograph.db.engine import Database
from heliograph.db.tables.exports import ExportStatus
from heliograph.domain.ledger import MessageState
from heliograph.errors import Transient
from heliograph.services.exporting import run
from heliograph.services.exporting.file import export_path, open_export_file
from heliograph.services.exporting.lines import COLUMNS
from heliograph.services.exporting.run import ExportProgress, run_export
from heliograph.settings import Settings
from tests.db.ledger import Seeded, seed_run
from tests.past import seed_messages
from tests.services.exporting.exports import exported_by, make_export, reread


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Files in the test's own directory."""
    return Settings(data_dir=tmp_path)


async def complete(database: Database, settings: Settings, seeded: Seeded, **filters: Any) -> list[dict[str, str]]:
    record = await make_export(database, seeded.workspace_id, **filters)
    ended = await run_export(database, settings, seeded.workspace_id, record.id)
    assert ended.status is (await reread(database, record.id)).status is ExportStatus.COMPLETED
    return exported_by(settings, record.id)


async def test_each_message_is_a_line_with_status_error_code_and_message(
    database: Database, settings: Settings
) -> None:
    seeded = await seed_run(database, 0)
    await seed_messages(database.pool, seeded, 2, MessageState.DELIVERED)
    await seed_messages(database.pool, seeded, 1, MessageState.FAILED, first=3, error_code="30005")
    await database.pool.execute("UPDATE message SET error_message = 'Unknown, \"gone\"' WHERE number = 3")
    failed, *delivered = await complete(database, settings, seeded)
    assert list(failed) == list(COLUMNS)
    assert (failed["status"], failed["state"], failed["error_code"]) == ("error", "failed", "30005")
    assert (failed["error_message"], failed["campaign"]) == ('Unknown, "gone"', "Spring")
    assert [(row["status"], row["address"]) for row in delivered] == [
        ("success", "+14150000002"),
        ("success", "+14150000001"),
    ]
    assert failed["created_at"].endswith("+00:00")


async def test_filters_hold_for_files_too_and_an_empty_file_has_its_header(
    database: Database, settings: Settings
) -> None:
    seeded = await seed_run(database, 3)
    assert len(await complete(database, settings, seeded, run_id=str(seeded.run_id), status="pending")) == 3
    record = await make_export(database, seeded.workspace_id, channel="email")
    await run_export(database, settings, seeded.workspace_id, record.id)
    assert export_path(settings, record.id).read_bytes() == (",".join(COLUMNS) + "\r\n").encode()


@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
async def test_no_field_is_a_formula_to_a_spreadsheet(database: Database, settings: Settings, formula: str) -> None:
    seeded = await seed_run(database, 1)
    await database.pool.execute(
        "UPDATE message SET error_message = $1, error_code = $1, provider_status = $1, type = $1", formula
    )
    await database.pool.execute("UPDATE campaign SET name = $1", formula)
    (row,) = await complete(database, settings, seeded)
    for name in ("error_message", "error_code", "provider_status", "type", "campaign"):
        assert row[name] == f"'{formula}"
    assert row["address"] == "+14150000001"


async def test_what_is_written_after_its_start_is_not_in_it(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = await seed_run(database, 20)
    monkeypatch.setattr(run, "ROWS", 5)
    record = await make_export(database, seeded.workspace_id)
    writing = asyncio.create_task(run_export(database, settings, seeded.workspace_id, record.id))
    while not writing.done():
        first = 1 + await database.pool.fetchval("SELECT max(number) FROM message")
        await seed_messages(database.pool, seeded, 1, MessageState.DELIVERED, first=first)
    await writing
    rows = exported_by(settings, record.id)
    assert len(rows) == 20
    assert await database.pool.fetchval("SELECT count(*) FROM message") > 20


async def test_a_message_that_was_being_committed_at_its_start_is_in_it(database: Database, settings: Settings) -> None:
    seeded = await seed_run(database, 1)
    async with database.pool.acquire() as connection, connection.transaction():
        await seed_messages(connection, seeded, 1, MessageState.DELIVERED, first=2)
        record = await make_export(database, seeded.workspace_id)
        writing = asyncio.create_task(run_export(database, settings, seeded.workspace_id, record.id))
        _, waiting = await asyncio.wait([writing], timeout=2)
        assert waiting, "the export did not wait"
    await writing
    assert len(exported_by(settings, record.id)) == 2


async def test_it_stops_when_told_and_goes_on_where_it_stood(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = await seed_run(database, 20)
    monkeypatch.setattr(run, "ROWS", 6)
    record = await make_export(database, seeded.workspace_id)
    told: list[ExportProgress] = []
    with pytest.raises(Transient, match="goes on elsewhere"):
        await run_export(
            database, settings, seeded.workspace_id, record.id, report=told.append, halt=lambda: len(told) == 3
        )
    assert (await reread(database, record.id)).rows_written == 12
    assert told[-1].percent == 60
    with export_path(settings, record.id).open("ab") as file:
        file.write(b"left behind by a process that died before it committed")
    await run_export(database, settings, seeded.workspace_id, record.id)
    rows = exported_by(settings, record.id)
    assert len({row["id"] for row in rows}) == len(rows) == 20


async def test_a_lost_file_is_written_anew(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = await seed_run(database, 20)
    monkeypatch.setattr(run, "ROWS", 6)
    record = await make_export(database, seeded.workspace_id)
    told: list[ExportProgress] = []
    with pytest.raises(Transient):
        await run_export(
            database, settings, seeded.workspace_id, record.id, report=told.append, halt=lambda: len(told) == 3
        )
    export_path(settings, record.id).unlink()
    ended = await run_export(database, settings, seeded.workspace_id, record.id)
    assert ended.rows_written == len(exported_by(settings, record.id)) == 20


async def test_two_processes_never_write_one_file(database: Database, settings: Settings) -> None:
    seeded = await seed_run(database, 1)
    record = await make_export(database, seeded.workspace_id)
    with open_export_file(export_path(settings, record.id)), pytest.raises(Transient, match="another process"):
        await run_export(database, settings, seeded.workspace_id, record.id)


async def test_running_it_again_after_its_end_changes_nothing(database: Database, settings: Settings) -> None:
    seeded = await seed_run(database, 2)
    record = await make_export(database, seeded.workspace_id)
    first = await run_export(database, settings, seeded.workspace_id, record.id)
    await seed_messages(database.pool, seeded, 1, MessageState.DELIVERED, first=3)
    again = await run_export(database, settings, seeded.workspace_id, record.id)
    assert (again.rows_written, again.size) == (first.rows_written, first.size)
