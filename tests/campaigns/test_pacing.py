"""Speed limits are shared by all worker processes; the provider's clock is the witness."""

import pytest

from heliograph.simulator.messages import AcceptedMessage
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

TOLERANCE = 1.2
"""A ratio of rates, not a time: what clocks and the first second of tokens may add."""


def rate(log: list[AcceptedMessage]) -> float:
    """Messages (or parts) a second between the first and the last."""
    parts = sum(message.segments for message in log[1:])
    return parts / (log[-1].accepted_at - log[0].accepted_at)


async def test_the_limit_of_a_campaign_holds_over_both_workers(stage: Stage) -> None:
    rehearsal = await stage.rehearse(600, messages_per_second=150)
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=600)
    assert rate(proof.log) < 150 * TOLERANCE


async def test_the_limit_of_a_sender_counts_parts_and_wins_over_a_faster_campaign(stage: Stage) -> None:
    rehearsal = await stage.rehearse(
        300, body="{{ first_name }} " + "x" * 200, messages_per_second=1_000, sender_speed=150
    )
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=300)
    assert {message.segments for message in proof.log} == {2}
    assert rate(proof.log) < 150 * TOLERANCE
