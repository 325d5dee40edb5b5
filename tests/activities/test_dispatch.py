"""What commits left in the outbox is told, at least once, and one bad row holds up nobody else."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import ActivityEnvironment

from activities.dispatch import DispatchActivities
from heliograph.contracts import CampaignLaunch, campaign_workflow_id
from heliograph.db.outbox import CAMPAIGN_PROGRESS, CAMPAIGN_START
from heliograph.db.runs import read_plan
from heliograph.db.tables import Outbox
from heliograph.services.context import Services
from heliograph.temporal.search_attributes import register_search_attributes
from tests.db.ledger import Seeded, seed_run


async def write(services: Services, workspace_id: UUID, topic: str, key: UUID, payload: dict[str, Any]) -> None:
    async with services.database.unit_of_work() as session:
        session.add(Outbox(workspace_id=workspace_id, topic=topic, key=str(key), payload=payload))


async def launch_of(services: Services, seeded: Seeded) -> dict[str, Any]:
    plan = await read_plan(services.database.pool, seeded.run_id)
    assert plan is not None
    ids = {"workspace_id": seeded.workspace_id, "run_id": seeded.run_id}
    return CampaignLaunch.model_validate({**plan, **ids}).model_dump(mode="json")


async def dispatch_until_quiet(services: Services, *, left: int = 0) -> list[Any]:
    """Runs the dispatcher until so many rows are left, each tried; these rows."""
    environment = ActivityEnvironment()
    activities = DispatchActivities(services.database, services.temporal)
    dispatching = asyncio.create_task(environment.run(activities.dispatch_outbox))
    async with asyncio.timeout(60):
        while True:
            rows: list[Any] = await services.database.pool.fetch("SELECT * FROM outbox ORDER BY id")
            if len(rows) <= left and all(row["last_error"] for row in rows):
                break
            await asyncio.sleep(0.05)
    environment.worker_shutdown()
    await dispatching
    return rows


async def status_of(services: Services, run_id: UUID) -> WorkflowExecutionStatus | None:
    return (await services.temporal.get_workflow_handle(campaign_workflow_id(run_id)).describe()).status


async def test_a_start_told_twice_makes_one_workflow(services: Services) -> None:
    await register_search_attributes(services.temporal)
    seeded = await seed_run(services.database, 10)
    payload = await launch_of(services, seeded)
    for _ in range(2):
        await write(services, seeded.workspace_id, CAMPAIGN_START, seeded.run_id, payload)
    await dispatch_until_quiet(services)
    assert await status_of(services, seeded.run_id) is WorkflowExecutionStatus.RUNNING


async def test_progress_of_a_run_whose_workflow_is_gone_is_forgotten(services: Services) -> None:
    seeded = await seed_run(services.database, 10)
    payload = {"share": 100, "states": {"delivered": 10}}
    await write(services, seeded.workspace_id, CAMPAIGN_PROGRESS, seeded.run_id, payload)
    assert await dispatch_until_quiet(services) == []


async def test_rows_that_cannot_be_read_wait_and_the_others_are_told(services: Services) -> None:
    await register_search_attributes(services.temporal)
    seeded = await seed_run(services.database, 10)
    await write(services, seeded.workspace_id, CAMPAIGN_START, uuid4(), {"of": "a later version"})
    await write(services, seeded.workspace_id, "topic.of.a.later.version", uuid4(), {})
    await write(services, seeded.workspace_id, CAMPAIGN_START, seeded.run_id, await launch_of(services, seeded))
    left = await dispatch_until_quiet(services, left=2)
    assert [row["topic"] for row in left] == [CAMPAIGN_START, "topic.of.a.later.version"]
    assert await status_of(services, seeded.run_id) is WorkflowExecutionStatus.RUNNING
