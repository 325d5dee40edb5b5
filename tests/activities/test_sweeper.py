"""An open run always gets its workflow back; a closed one never does."""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.sweeper import SweeperActivities
from heliograph.contracts import SweepResult, campaign_workflow_id, import_workflow_id
from heliograph.db.tables import AudienceImport
from heliograph.db.tables.base import now
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import RunStatus
from heliograph.providers.protocol import ProviderConnection
from heliograph.services.connections import Connections
from heliograph.services.context import Services
from heliograph.services.inbox import ConnectorInbox
from heliograph.temporal.search_attributes import register_search_attributes
from tests.db.ledger import seed_run
from tests.past import seed_messages


async def sweep_once(services: Services, connections: Connections | None = None) -> SweepResult:
    """The first round of everything: what the activity does before it first waits."""
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *_: environment.worker_shutdown()
    connections = connections or services.connections
    activities = SweeperActivities(services.database, services.temporal, connections, services.settings)
    async with asyncio.timeout(60):
        return await environment.run(activities.sweep)


async def launched_long_ago(services: Services, status: RunStatus = RunStatus.ACTIVE) -> UUID:
    await register_search_attributes(services.temporal)
    seeded = await seed_run(services.database, 10, status=status)
    await services.database.pool.execute("UPDATE run SET created_at = $1", now() - timedelta(hours=1))
    return seeded.run_id


def workflow_of(services: Services, run_id: UUID) -> WorkflowHandle[object, object]:
    return services.temporal.get_workflow_handle(campaign_workflow_id(run_id))


async def exists(services: Services, run_id: UUID) -> bool:
    try:
        await workflow_of(services, run_id).describe()
    except RPCError:
        return False
    return True


async def test_an_open_run_without_a_workflow_gets_one_and_only_one(services: Services) -> None:
    run_id = await launched_long_ago(services)
    assert (await sweep_once(services)).restarted == 1
    assert (await sweep_once(services)).restarted == 0
    assert (await workflow_of(services, run_id).describe()).status is WorkflowExecutionStatus.RUNNING


async def test_an_open_run_whose_workflow_was_terminated_in_temporal_gets_a_new_one(services: Services) -> None:
    run_id = await launched_long_ago(services)
    await sweep_once(services)
    await workflow_of(services, run_id).terminate("by mistake")
    assert (await sweep_once(services)).restarted == 1
    assert (await workflow_of(services, run_id).describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_closed_run_gets_no_workflow(services: Services) -> None:
    run_id = await launched_long_ago(services, RunStatus.COMPLETED)
    assert (await sweep_once(services)).restarted == 0
    assert not await exists(services, run_id)


async def test_an_import_whose_workflow_was_terminated_in_temporal_gets_a_new_one(services: Services) -> None:
    seeded = await seed_run(services.database, 1)
    record = AudienceImport(
        workspace_id=seeded.workspace_id,
        audience_id=seeded.audience_id,
        path="customers.csv",
        file_name="customers.csv",
        digest=b"digest",
        size=1,
        created_at=now() - timedelta(hours=1),
    )
    async with services.database.unit_of_work() as session:
        session.add(record)
    await sweep_once(services)
    handle = services.temporal.get_workflow_handle(import_workflow_id(record.id))
    await handle.terminate("by mistake")
    await sweep_once(services)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


class _Defective(Connections):
    """Opens nothing, for a reason that nobody thought of."""

    def __init__(self, services: Services) -> None:
        inbox = partial(ConnectorInbox, services.database)
        super().__init__(services.database, services.key_ring, services.settings, inbox)

    async def get(self, connector_id: UUID) -> ProviderConnection:
        raise ValueError(connector_id)


async def test_doubt_that_cannot_be_looked_into_keeps_nothing_else_from_being_swept(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    await launched_long_ago(services)
    doubtful = await seed_run(services.database, 0)
    await seed_messages(services.database.pool, doubtful, 1, MessageState.IN_DOUBT, age=timedelta(days=1))
    with caplog.at_level(logging.ERROR):
        assert (await sweep_once(services, _Defective(services))).restarted == 1
    assert "the sweep of messages in doubt fails" in caplog.text
