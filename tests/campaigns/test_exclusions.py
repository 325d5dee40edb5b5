"""Who is not sent to: excluded at the freeze or again at the claim, counted with the reason."""

import pytest

from heliograph.domain.vocabulary import MissingVariable
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def suppress(rehearsal: Rehearsal, first: int, last: int) -> None:
    """These recipients said stop."""
    await rehearsal.services.database.pool.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, reason, source)
        SELECT uuidv7(), now(), workspace_id, 'sms', address, 'opt_out', 'test' FROM audience_row
        WHERE workspace_id = $1 AND number BETWEEN $2 AND $3
        """,
        rehearsal.actor.workspace_id,
        first,
        last,
    )


async def test_the_suppressed_get_nothing_whether_they_said_stop_before_or_during_the_run(stage: Stage) -> None:
    rehearsal = await stage.rehearse(600, messages_per_second=100)
    await suppress(rehearsal, 1, 50)
    await rehearsal.launch()
    await rehearsal.until_accepted(20)
    await suppress(rehearsal, 501, 600)
    await rehearsal.change_speed(None)
    proof = await rehearsal.proven()
    proof.only(delivered=450, suppressed=150)
    assert proof.reasons["opt_out"] == 150


async def test_a_recipient_without_a_variable_is_refused_where_the_template_says_so(stage: Stage) -> None:
    rehearsal = await stage.rehearse(500, without_name=40, missing_variable=MissingVariable.REFUSE)
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=460, invalid=40)
    assert proof.reasons["missing_variable"] == 40


async def test_what_is_too_late_is_not_sent(stage: Stage) -> None:
    rehearsal = await stage.rehearse(800, messages_per_second=100)
    await rehearsal.launch()
    await rehearsal.until_accepted(50)
    await rehearsal.services.database.pool.execute(
        "UPDATE run SET expires_at = now() WHERE campaign_id = $1", rehearsal.campaign_id
    )
    await rehearsal.change_speed(None)
    proof = await rehearsal.proven()
    assert proof.reasons["too_late"] == 800 - len(proof.log) > 0
    proof.only(delivered=len(proof.log), expired=800 - len(proof.log))
