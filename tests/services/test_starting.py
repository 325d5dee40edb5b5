"""Starting workflows: twice is once, and names from people fit what Temporal takes."""

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus

from heliograph.contracts import CampaignLaunch, campaign_workflow_id
from heliograph.db.tables.base import now
from heliograph.domain.vocabulary import Category, Channel
from heliograph.ids import new_id
from heliograph.services.starting import start_campaign, start_import
from heliograph.temporal import search_attributes


@pytest_asyncio.fixture
async def client(temporal_client: Client) -> Client:
    """Temporal as `heliograph up` prepares it."""
    await search_attributes.register_search_attributes(temporal_client)
    return temporal_client


def launch(name: str = "Spring") -> CampaignLaunch:
    """What a run's start takes."""
    return CampaignLaunch(
        workspace_id=new_id(),
        run_id=new_id(),
        campaign_id=new_id(),
        campaign_name=name,
        channel=Channel.SMS,
        category=Category.PROMOTIONAL,
        start_at=now(),
        source_rows=12,
    )


async def test_a_run_that_is_started_twice_has_one_workflow(client: Client) -> None:
    wanted = launch()
    handle = client.get_workflow_handle(campaign_workflow_id(wanted.run_id))
    await start_campaign(client, wanted)
    first = await handle.describe()
    await start_campaign(client, wanted)
    second = await handle.describe()
    assert first.run_id == second.run_id
    assert second.status is WorkflowExecutionStatus.RUNNING
    assert second.task_queue == "control"
    assert second.typed_search_attributes[search_attributes.CAMPAIGN_NAME] == "Spring"


@pytest.mark.parametrize("name", ["x" * 200, "☀" * 200, "👩‍👩‍👧" * 25, "# <b>\n|"])
async def test_any_name_that_a_campaign_may_have_can_be_started(client: Client, name: str) -> None:
    wanted = launch(name)
    await start_campaign(client, wanted)
    description = await client.get_workflow_handle(campaign_workflow_id(wanted.run_id)).describe()
    summary = await description.static_summary()
    assert summary
    assert len(summary.encode()) <= 200
    assert description.typed_search_attributes[search_attributes.CAMPAIGN_NAME] == name


async def test_an_import_that_is_started_twice_is_left_alone(client: Client) -> None:
    workspace_id, import_id = new_id(), new_id()
    for _ in range(2):
        await start_import(client, workspace_id, import_id)
    found = [item async for item in client.list_workflows(f"WorkflowId = 'import/{import_id}'")]
    assert len(found) <= 1  # visibility follows a little later
    assert (await client.get_workflow_handle(f"import/{import_id}").describe()).workflow_type == "ImportWorkflow"
