"""Pause, resume, stop and change of speed while messages are under way: every answer is exact."""

import asyncio
from datetime import timedelta

import pytest

from heliograph.db.tables.base import now
from heliograph.domain.ledger import OPEN, TAKEN, MessageState
from heliograph.domain.vocabulary import RunStatus, Schedule
from heliograph.errors import Conflict
from heliograph.simulator.script import Fixed, Script
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SLOW = Script(latency=Fixed(seconds=0.1))
"""Slow enough for a few seconds of campaign, so that there is a middle to do something in."""


async def test_a_pause_answers_exactly_and_nothing_is_sent_until_the_resume(stage: Stage) -> None:
    await stage.follow(SLOW)
    rehearsal = await stage.rehearse(3_000)
    await rehearsal.launch()
    await rehearsal.until_accepted(500)
    answer = await rehearsal.pause()
    assert answer.accepted == await rehearsal.accepted() < 3_000
    assert answer.in_doubt == answer.states.get(MessageState.CLAIMED, 0) == 0
    assert sum(answer.states.values()) == answer.source_rows == 3_000
    await asyncio.sleep(1)
    assert await rehearsal.accepted() == answer.accepted
    assert await rehearsal.status() is RunStatus.PAUSED
    await rehearsal.resume()
    (await rehearsal.proven()).only(delivered=3_000)


async def test_a_stop_answers_exactly_what_the_ledger_says_at_the_end(stage: Stage) -> None:
    await stage.follow(SLOW)
    rehearsal = await stage.rehearse(3_000, duplicates=30)
    await rehearsal.launch()
    await rehearsal.until_accepted(500)
    answer = await rehearsal.stop()
    assert answer.accepted == await rehearsal.accepted()
    assert answer.never_sent > 0
    assert answer.accepted + answer.in_doubt + answer.never_sent + 30 == 3_000
    proof = await rehearsal.proven()
    assert proof.status is RunStatus.STOPPED
    proof.only(delivered=answer.accepted, cancelled=answer.never_sent, duplicate=30)


async def test_a_paused_run_can_be_stopped(stage: Stage) -> None:
    await stage.follow(SLOW)
    rehearsal = await stage.rehearse(2_000)
    await rehearsal.launch()
    await rehearsal.until_accepted(200)
    paused = await rehearsal.pause()
    stopped = await rehearsal.stop()
    assert stopped.accepted == paused.accepted
    (await rehearsal.proven()).only(delivered=paused.accepted, cancelled=2_000 - paused.accepted)


async def test_the_speed_changes_while_the_run_goes_on(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1_500, messages_per_second=10)
    await rehearsal.launch()
    await rehearsal.until_accepted(10)
    await rehearsal.change_speed(None)
    proof = await rehearsal.proven()
    proof.only(delivered=1_500)
    span = proof.log[-1].accepted_at - proof.log[0].accepted_at
    assert len(proof.log) / span > 3 * 10


async def test_a_run_that_waits_for_its_time_starts_then(stage: Stage) -> None:
    start = now() + timedelta(seconds=3)
    rehearsal = await stage.rehearse(200, schedule=Schedule.AT_FIXED_TIME, send_at=start)
    await rehearsal.launch()
    assert await rehearsal.status() is RunStatus.SCHEDULED
    proof = await rehearsal.proven()
    proof.only(delivered=200)
    assert proof.log[0].accepted_at >= start.timestamp()


async def test_a_run_paused_and_resumed_before_its_time_still_waits_for_it(stage: Stage) -> None:
    start = now() + timedelta(seconds=5)
    rehearsal = await stage.rehearse(200, schedule=Schedule.AT_FIXED_TIME, send_at=start)
    await rehearsal.launch()
    await rehearsal.pause()
    await rehearsal.resume()
    assert await rehearsal.status() is RunStatus.SCHEDULED
    proof = await rehearsal.proven()
    proof.only(delivered=200)
    assert proof.log[0].accepted_at >= start.timestamp()


async def test_a_run_stopped_before_its_time_sends_nothing(stage: Stage) -> None:
    rehearsal = await stage.rehearse(500, schedule=Schedule.AT_FIXED_TIME, send_at=now() + timedelta(hours=1))
    await rehearsal.launch()
    answer = await rehearsal.stop()
    assert answer.never_sent == 500
    proof = await rehearsal.proven()
    proof.only(cancelled=500)
    assert proof.status is RunStatus.STOPPED
    assert proof.log == []


async def test_what_a_run_cannot_do_is_refused_with_its_status(stage: Stage) -> None:
    rehearsal = await stage.rehearse(100)
    await rehearsal.launch()
    await rehearsal.proven()
    for verb in (rehearsal.pause, rehearsal.resume, rehearsal.stop):
        with pytest.raises(Conflict, match="COMPLETED"):
            await verb()


async def test_of_pauses_and_stops_at_once_each_gets_an_answer_or_a_refusal_and_the_books_balance(
    stage: Stage,
) -> None:
    await stage.follow(SLOW)
    rehearsal = await stage.rehearse(2_000)
    await rehearsal.launch()
    await rehearsal.until_accepted(100)
    answers = await asyncio.gather(
        *(verb() for verb in (rehearsal.pause, rehearsal.stop, rehearsal.pause, rehearsal.stop)),
        return_exceptions=True,
    )
    assert all(not isinstance(answer, BaseException) or isinstance(answer, Conflict) for answer in answers), answers
    assert any(not isinstance(answer, BaseException) for answer in answers)
    proof = await rehearsal.proven()
    assert proof.status is RunStatus.STOPPED
    assert proof.states.keys() <= TAKEN | {MessageState.CANCELLED}
    assert not proof.states.keys() & OPEN
