"""However often a campaign is launched, each recipient is sent to once."""

import asyncio

import pytest

from heliograph.contracts import CampaignInput, Closing, Lane, campaign_workflow_id
from heliograph.domain.vocabulary import RunStatus
from heliograph.errors import Conflict
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_of_many_launches_at_once_one_makes_a_run(stage: Stage) -> None:
    rehearsal = await stage.rehearse(500)
    answers = await asyncio.gather(*(rehearsal.launch() for _ in range(12)), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 11
    (await rehearsal.proven()).only(delivered=500)
    runs = await stage.services.database.pool.fetchval(
        "SELECT count(*) FROM run WHERE campaign_id = $1", rehearsal.campaign_id
    )
    assert runs == 1


async def test_a_campaign_that_has_run_is_not_launched_again(stage: Stage) -> None:
    rehearsal = await stage.rehearse(100)
    await rehearsal.launch()
    await rehearsal.proven()
    with pytest.raises(Conflict, match="COMPLETED"):
        await rehearsal.launch()


async def test_a_run_whose_workflow_has_left_temporal_sends_nothing_when_it_is_started_again(stage: Stage) -> None:
    rehearsal = await stage.rehearse(300)
    await rehearsal.launch()
    await rehearsal.proven()
    before = await rehearsal.run()
    # The default of Temporal lets a closed id be used again, as if it had never been there.
    handle = await stage.services.temporal.start_workflow(
        "CampaignWorkflow",
        CampaignInput(workspace_id=rehearsal.actor.workspace_id, run_id=before["id"]),
        id=campaign_workflow_id(before["id"]),
        task_queue=Lane.CONTROL,
        result_type=Closing,
    )
    closing = await handle.result()
    assert closing.status is RunStatus.COMPLETED
    assert closing.balanced
    assert await rehearsal.run() == before
    (await rehearsal.proven()).only(delivered=300)


async def test_a_launch_while_temporal_is_away_is_told_when_it_is_back(stage: Stage) -> None:
    rehearsal = await stage.rehearse(200)
    await stage.stack.stop("temporal")
    try:
        await rehearsal.launch()
        assert await rehearsal.status() is RunStatus.SCHEDULED
    finally:
        await stage.stack.start("temporal")
    (await rehearsal.proven()).only(delivered=200)
