"""A provider that refuses, fails, throttles or hangs up: nobody is lost and nobody gets two."""

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import RunStatus
from heliograph.simulator.script import AccountScript, AnswerKind, Match, Receipts, Rule, Script, SendAnswer
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

WORKERS = 2  # bulk worker processes of the default layout


async def test_a_suspended_account_pauses_the_run_and_nobody_is_lost(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1_500, messages_per_second=400)
    await rehearsal.launch()
    await rehearsal.until_accepted(200)
    await stage.follow(Script(accounts={rehearsal.account_sid: AccountScript(status="suspended")}))
    await rehearsal.until_status(RunStatus.PAUSED)
    assert "20005" in (await rehearsal.run())["pause_reason"]
    await stage.follow(Script())
    await rehearsal.resume()
    (await rehearsal.proven()).only(delivered=1_500)


async def test_a_storm_of_server_errors_pauses_the_run_long_before_everybody_is_in_doubt(stage: Stage) -> None:
    rehearsal = await stage.rehearse(4_000, in_doubt_limit=100)
    await stage.follow(storm(rehearsal))
    await rehearsal.launch()
    await rehearsal.until_status(RunStatus.PAUSED)
    assert "in doubt" in (await rehearsal.run())["pause_reason"]
    doubtful = await decided_or_in_doubt(rehearsal)
    assert 100 < doubtful <= 100 + WORKERS * stage.chunk
    await stage.follow(Script())
    await rehearsal.resume()
    proof = await rehearsal.proven()
    # The provider knows nothing of these: they are given up, since nobody may get a promotion twice.
    proof.only(delivered=4_000 - doubtful, unknown=doubtful)


def storm(rehearsal: Rehearsal) -> Script:
    """Every request to send fails with a status that says nothing."""
    answer = SendAnswer(kind=AnswerKind.ERROR, status=500, code=20500)
    return Script(rules=[Rule(match=Match(account=rehearsal.account_sid), answer=answer)])


async def decided_or_in_doubt(rehearsal: Rehearsal) -> int:
    """Messages that are or were in doubt, once nothing is claimed any more."""
    while (states := await rehearsal.states()).get(MessageState.CLAIMED):
        pass
    return states.get(MessageState.IN_DOUBT, 0) + states.get(MessageState.UNKNOWN, 0)


async def test_what_was_throttled_is_sent_later_and_the_throttled_try_is_kept(stage: Stage) -> None:
    rehearsal = await stage.rehearse(600)
    throttled = SendAnswer(kind=AnswerKind.ERROR, status=429, code=20429, retry_after="1")
    await stage.follow(Script(rules=[Rule(match=Match(rate=0.1, times=1), answer=throttled)]))
    await rehearsal.launch()
    (await rehearsal.proven()).only(delivered=600)
    kept = await rehearsal.services.database.pool.fetchval(
        "SELECT count(*) FROM attempt WHERE workspace_id = $1 AND outcome = 'queued' AND error_code = '20429'",
        rehearsal.actor.workspace_id,
    )
    assert kept > 0


@pytest.mark.parametrize("receipts", [Receipts(), Receipts(lost=1)], ids=["a receipt tells", "the look-up tells"])
async def test_a_connection_that_closes_after_the_acceptance_never_leads_to_a_second_message(
    stage: Stage, receipts: Receipts
) -> None:
    rehearsal = await stage.rehearse(500)
    hung_up = SendAnswer(kind=AnswerKind.DROP, accepted=True)
    await stage.follow(Script(receipts=receipts, rules=[Rule(match=Match(rate=0.1), answer=hung_up)]))
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=500)
    assert len(proof.log) == 500


async def test_an_answer_that_cannot_be_read_and_none_at_all_are_doubts_and_not_failures(stage: Stage) -> None:
    rehearsal = await stage.rehearse(300)
    malformed = SendAnswer(kind=AnswerKind.MALFORMED, status=201, accepted=True)
    silent = SendAnswer(kind=AnswerKind.SILENCE, accepted=True)
    rules = [Rule(match=Match(rate=0.1), answer=malformed), Rule(match=Match(rate=0.05), answer=silent)]
    await stage.follow(Script(rules=rules))
    await rehearsal.launch()
    (await rehearsal.proven()).only(delivered=300)
