"""Campaigns in which nothing goes wrong at the provider."""

import pytest

from heliograph.domain.vocabulary import RunStatus
from tests.campaigns.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]


async def test_everybody_gets_one_message_and_the_books_agree_with_the_provider(stage: Stage) -> None:
    rehearsal = await stage.rehearse(2_000, duplicates=20)
    await rehearsal.launch()
    proof = await rehearsal.proven()
    proof.only(delivered=1_980, duplicate=20)
    assert proof.status is RunStatus.COMPLETED
    assert {message.body for message in proof.log} > {"Hi Name 1, 20 % off until Sunday"}
