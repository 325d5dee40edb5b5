"""Receipts in every disorder, end to end: the ledger comes out as if they had come in order."""

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.simulator.script import Delivery, Fixed, Receipts, Script, Uniform
from tests.campaigns.rehearsal import Proof
from tests.campaigns.stage import Stage, until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SOME_FAIL = Delivery(delivered=0.8, undelivered={30003: 0.1, 30005: 0.05}, failed={30008: 0.05})


def agrees_with_fate(proof: Proof) -> None:
    """Every message stands in the ledger as the provider ended it."""
    fates: dict[str, int] = {}
    for message in proof.log:
        fates[message.final_status] = fates.get(message.final_status, 0) + 1
    proof.only(**fates)
    codes = {str(message.error_code) for message in proof.log if message.error_code}
    for code in codes:
        assert proof.reasons[code] == sum(str(message.error_code) == code for message in proof.log)


async def all_told(stage: Stage) -> bool:
    """Whether the provider has no callback left to make."""
    statistics = await stage.simulator.statistics()
    return not statistics["callbacks_planned"] + statistics["callbacks_waiting"]


@pytest.mark.parametrize(
    "receipts",
    [
        Receipts(copies=3, shuffled=True, to_sent=Uniform(low=0, high=0.5), to_final=Uniform(low=0, high=0.5)),
        Receipts(copies=3, shuffled=True, before_reply=True),
        Receipts(late=Fixed(seconds=2)),
    ],
    ids=["three times in a random order", "all before the answer", "late"],
)
async def test_receipts_in_disorder_give_the_ledger_of_receipts_in_order(stage: Stage, receipts: Receipts) -> None:
    rehearsal = await stage.rehearse(3_000)
    await stage.follow(Script(delivery=SOME_FAIL, receipts=receipts))
    await rehearsal.launch()
    agrees_with_fate(await rehearsal.proven())


async def test_where_no_receipt_ever_comes_polling_finds_what_became_of_the_messages(stage: Stage) -> None:
    rehearsal = await stage.rehearse(500)
    await stage.follow(Script(delivery=SOME_FAIL, receipts=Receipts(lost=1)))
    await rehearsal.launch()
    agrees_with_fate(await rehearsal.proven())


async def test_receipts_that_came_while_the_api_was_down_are_found_by_polling(stage: Stage) -> None:
    rehearsal = await stage.rehearse(800)
    await stage.follow(Script(delivery=SOME_FAIL, receipts=Receipts(to_final=Fixed(seconds=1))))
    await stage.stack.stop("api")
    try:
        await rehearsal.launch()
        await rehearsal.until_accepted(800)
        await until(lambda: all_told(stage), "the provider tried every callback")
    finally:
        await stage.stack.start("api")
    agrees_with_fate(await rehearsal.proven())


async def test_what_the_provider_never_decides_is_unconfirmed_when_the_window_closes(stage: Stage) -> None:
    rehearsal = await stage.rehearse(200, receipt_window_seconds=3)
    await stage.follow(Script(receipts=Receipts(to_final=Fixed(seconds=3_600))))
    await rehearsal.launch()
    proof = await rehearsal.proven()
    assert proof.states == {MessageState.UNCONFIRMED: 200}
