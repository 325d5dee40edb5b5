"""Campaigns through a provider that takes many messages in one call, and whose receipts name batches, not messages."""

import pytest

from heliograph.simulator.script import AnswerKind, Match, Preset, Receipts, Rule, Script, SendAnswer
from tests.campaigns.routes import SINCH
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_receipts_that_come_before_the_answer_find_their_messages(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1_000, through=SINCH)
    await stage.follow(Script(receipts=Receipts(before_reply=True, copies=2, shuffled=True)))
    await rehearsal.launch()
    (await rehearsal.proven()).only(delivered=1_000)


async def test_batches_that_were_taken_without_an_answer_are_found_and_not_sent_again(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1_000, through=SINCH)
    lost = Rule(match=Match(rate=0.002), answer=SendAnswer(kind=AnswerKind.DROP, accepted=True))
    await stage.follow(Script(rules=[lost]))
    await rehearsal.launch()
    (await rehearsal.proven()).only(delivered=1_000)


async def test_bad_numbers_are_refused_one_by_one_in_life_as_it_is(stage: Stage) -> None:
    rehearsal = await stage.rehearse(1_000, through=SINCH)
    await stage.follow(Script(preset=Preset.REALISTIC))
    await rehearsal.launch()
    proof = await rehearsal.proven()
    assert len(proof.log) + proof.reasons.get("syntax_invalid_parameter_format", 0) == 1_000
    assert proof.reasons["syntax_invalid_parameter_format"] > 0
