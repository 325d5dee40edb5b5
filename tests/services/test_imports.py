"""Imports through the service: what is started, what is recognised, what is refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.worker import Worker

from activities.imports import ImportActivities
from heliograph.contracts import ImportInput, ImportResult, Lane, import_workflow_id
from heliograph.db.pages import PageRequest
from heliograph.db.tables import Audience, AudienceImport, Workspace
from heliograph.db.tables.audiences import ImportStatus
from heliograph.domain.vocabulary import Role
from heliograph.errors import Conflict, Forbidden, InvalidInput, NotFound, PayloadTooLarge
from heliograph.services import audiences, import_reports, imports
from heliograph.services.context import Actor, Services
from heliograph.services.importing.run import run_import
from heliograph.services.importing.staging import StagedFile, reject_path, stage_path, stage_stream
from heliograph.services.imports import ImportOptions, StartedImport
from heliograph.settings import Settings
from workflows.imports import ImportWorkflow

CSV = b"phone,name\n0151 23456701,Anna\n0151 23456702,Ben\n12,Bad\n0151 23456701,Anna\n"


@pytest.fixture
async def audience(services: Services, owner_actor: Actor) -> Audience:
    """An audience whose numbers are German."""
    return await audiences.create_audience(services, owner_actor, name="Spring", default_region="de")


async def _staged(services: Services, data: bytes) -> StagedFile:
    async def pieces() -> AsyncIterator[bytes]:
        yield data[:10]
        yield data[10:]

    return await stage_stream(services.settings, pieces(), lambda: "list.csv")


async def _start(
    services: Services, actor: Actor, audience_id: UUID, data: bytes = CSV, **options: str
) -> StartedImport:
    staged = await _staged(services, data)
    return await imports.start_import(services, actor, audience_id, staged, ImportOptions(**options))


async def _finish(services: Services, record: AudienceImport) -> None:
    await run_import(
        services.database, record.workspace_id, record.id, rejects=reject_path(services.settings, record.id)
    )


def _uploads(services: Services) -> list[str]:
    directory = services.settings.data_dir / "uploads"
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


async def test_a_worker_imports_what_the_service_starts(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    doors = ImportActivities(services.database, services.settings)
    async with Worker(
        services.temporal,
        task_queue=Lane.CONTROL,
        workflows=[ImportWorkflow],
        activities=[doors.import_audience],
    ):
        started = await _start(services, owner_actor, audience.id)
        handle = services.temporal.get_workflow_handle(
            import_workflow_id(started.audience_import.id), result_type=ImportResult
        )
        result = await handle.result()
    assert result == ImportResult(rows_added=3, rows_rejected=1, duplicates=1)
    record = await imports.wait_for_import(services, owner_actor, started.audience_import.id)
    assert record.status is ImportStatus.COMPLETED
    assert _uploads(services) == []
    page = await audiences.page_audience_rows(services, owner_actor, audience.id, PageRequest(2))
    assert ([row.number for row in page.items], page.next) == ([1, 2], 2)
    (example,) = await import_reports.sample_rejects(services, owner_actor, record.id)
    assert (example.line, example.rule, example.value) == (4, "number_too_short", "12")


async def test_the_start_is_in_the_outbox_with_the_import(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    started = await _start(services, owner_actor, audience.id)
    row = await services.database.pool.fetchrow("SELECT topic, key, payload FROM outbox")
    assert (row["topic"], row["key"]) == ("import.start", str(started.audience_import.id))
    assert ImportInput.model_validate(row["payload"]).import_id == started.audience_import.id


async def test_the_same_file_again_is_answered_with_its_first_import(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    first = await _start(services, owner_actor, audience.id)
    while_running = await _start(services, owner_actor, audience.id)
    await _finish(services, first.audience_import)
    afterwards = await _start(services, owner_actor, audience.id)
    assert [while_running.created, afterwards.created] == [False, False]
    assert {while_running.audience_import.id, afterwards.audience_import.id} == {first.audience_import.id}
    assert (await audiences.get_audience(services, owner_actor, audience.id)).row_count == 3
    assert _uploads(services) == []


async def test_a_file_of_which_nothing_was_added_is_tried_again_with_other_options(
    services: Services, owner_actor: Actor
) -> None:
    nowhere = await audiences.create_audience(services, owner_actor, name="No region")
    first = await _start(services, owner_actor, nowhere.id)
    await _finish(services, first.audience_import)
    again = await _start(services, owner_actor, nowhere.id, region="DE")
    assert (again.created, again.audience_import.id) == (True, first.audience_import.id)
    await _finish(services, again.audience_import)
    record = await imports.get_import(services, owner_actor, first.audience_import.id)
    assert (record.rows_added, record.rows_rejected, record.duplicates) == (3, 1, 1)


async def test_a_failed_import_goes_on_when_its_file_is_given_again(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    started = await _start(services, owner_actor, audience.id)
    await asyncio.to_thread(Path(started.audience_import.path).unlink)
    await _finish(services, started.audience_import)
    assert (await imports.get_import(services, owner_actor, started.audience_import.id)).status is ImportStatus.FAILED
    again = await _start(services, owner_actor, audience.id)
    await _finish(services, again.audience_import)
    record = await imports.get_import(services, owner_actor, started.audience_import.id)
    assert (record.status, record.rows_added, record.error) == (ImportStatus.COMPLETED, 3, None)


async def test_two_files_at_once_into_one_audience_are_refused(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    await _start(services, owner_actor, audience.id)
    with pytest.raises(Conflict, match="still filling"):
        await _start(services, owner_actor, audience.id, b"phone\n+4915123456709\n")
    with pytest.raises(Conflict, match="still fills"):
        await audiences.delete_audience(services, owner_actor, audience.id)


async def test_of_two_starts_at_the_same_moment_one_makes_the_import(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    both = await asyncio.gather(*(_start(services, owner_actor, audience.id) for _ in range(2)))
    assert sorted(one.created for one in both) == [False, True]
    assert both[0].audience_import.id == both[1].audience_import.id


async def test_a_file_that_cannot_be_read_leaves_nothing_behind(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    with pytest.raises(InvalidInput, match="is empty"):
        await _start(services, owner_actor, audience.id, b"")
    with pytest.raises(InvalidInput, match="region"):
        await _start(services, owner_actor, audience.id, region="Narnia")
    assert _uploads(services) == []
    assert (await imports.page_imports(services, owner_actor, audience.id, PageRequest())).items == []


async def test_a_file_over_the_limit_is_refused_and_removed(services: Services) -> None:
    small = replace(services, settings=Settings(data_dir=services.settings.data_dir, upload_limit=20))
    with pytest.raises(PayloadTooLarge):
        await _staged(small, CSV)
    assert _uploads(small) == []


async def test_a_path_of_the_server_must_be_listed(
    services: Services, owner_actor: Actor, audience: Audience, tmp_path: Path
) -> None:
    listed = tmp_path / "listed"
    await asyncio.to_thread(listed.mkdir)
    await asyncio.to_thread((listed / "a.csv").write_bytes, CSV)
    with pytest.raises(Forbidden, match="HELIOGRAPH_IMPORT_DIRECTORIES"):
        await imports.stage_server_file(services, owner_actor, str(listed / "a.csv"))
    open_to = replace(services, settings=Settings(data_dir=tmp_path / "data", import_directories=(listed,)))
    with pytest.raises(Forbidden, match="does not lie"):
        await imports.stage_server_file(open_to, owner_actor, str(listed / ".." / "other.csv"))
    with pytest.raises(InvalidInput, match="not a file"):
        await imports.stage_server_file(open_to, owner_actor, str(listed / "none.csv"))
    staged = await imports.stage_server_file(open_to, owner_actor, str(listed / "a.csv"))
    assert (staged.size, staged.file_name) == (len(CSV), "a.csv")


async def test_a_preview_shows_how_a_file_would_be_read_and_keeps_nothing(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    staged = await _staged(services, CSV)
    preview = await import_reports.preview_import(services, owner_actor, audience.id, staged, ImportOptions())
    assert preview.layout.variables == ["name"]
    assert [(row.address, row.rule) for row in preview.rows][1:3] == [
        ("+4915123456702", None),
        (None, "number_too_short"),
    ]
    assert _uploads(services) == []


async def test_another_workspace_sees_nothing(
    services: Services, owner_actor: Actor, audience: Audience, workspace: Workspace
) -> None:
    started = await _start(services, owner_actor, audience.id)
    stranger = replace(owner_actor, workspace_id=uuid4())
    with pytest.raises(NotFound):
        await imports.get_import(services, stranger, started.audience_import.id)
    with pytest.raises(NotFound):
        await audiences.get_audience(services, stranger, audience.id)
    with pytest.raises(NotFound):
        await _start(services, stranger, audience.id)


async def test_a_viewer_reads_and_does_not_change(services: Services, owner_actor: Actor, audience: Audience) -> None:
    viewer = replace(owner_actor, role=Role.VIEWER)
    assert (await audiences.get_audience(services, viewer, audience.id)).name == "Spring"
    with pytest.raises(Forbidden):
        await _start(services, viewer, audience.id)
    with pytest.raises(Forbidden):
        await audiences.update_audience(services, viewer, audience.id, {"name": "Mine"})
    assert _uploads(services) == []


async def test_an_audience_is_changed_and_deleted_with_an_audit_row_each(
    services: Services, owner_actor: Actor, audience: Audience
) -> None:
    changed = await audiences.update_audience(
        services, owner_actor, audience.id, {"name": " Summer ", "default_region": None}
    )
    assert (changed.name, changed.default_region) == ("Summer", None)
    with pytest.raises(InvalidInput):
        await audiences.update_audience(services, owner_actor, audience.id, {"default_region": "XX"})
    await audiences.delete_audience(services, owner_actor, audience.id)
    assert (await audiences.page_audiences(services, owner_actor, PageRequest())).items == []
    with pytest.raises(NotFound):
        await audiences.get_audience(services, owner_actor, audience.id)
    actions = await services.database.pool.fetch("SELECT action FROM audit_entry ORDER BY id")
    assert [row["action"] for row in actions] == ["audience.create", "audience.update", "audience.delete"]


async def test_a_copy_is_imported_and_the_file_itself_stays(services: Services, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "mine.csv").write_bytes, CSV)
    staged = await stage_path(services.settings, tmp_path / "mine.csv")
    staged.discard()
    assert await asyncio.to_thread((tmp_path / "mine.csv").read_bytes) == CSV
