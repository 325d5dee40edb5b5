"""The claims that a process may hold: never more than its size, and everybody gets a turn."""

import asyncio
import random

import pytest

from heliograph.pacing.budget import ClaimBudget


@pytest.mark.parametrize("size", [1, 3, 4, 64, 257])
async def test_many_batches_together_never_hold_more_than_the_budget(size: int) -> None:
    budget = ClaimBudget(size)
    chance = random.Random(size)
    held = most = 0

    async def batch() -> None:
        nonlocal held, most
        for _ in range(20):
            taken = await budget.take()
            assert taken > 0
            held += taken
            most = max(most, held)
            while taken:
                await asyncio.sleep(0)
                part = chance.randint(1, taken)
                held -= part
                taken -= part
                await budget.give_back(part)

    await asyncio.gather(*(batch() for _ in range(8)))
    assert held == 0
    assert most <= size


async def test_what_was_given_back_can_be_taken_again_whole() -> None:
    budget = ClaimBudget(100)
    first = [await budget.take(), await budget.take()]
    assert sum(first) == 100
    for taken in first:
        await budget.give_back(taken)
    assert [await budget.take(), await budget.take()] == first


async def test_one_batch_leaves_room_for_another() -> None:
    assert await ClaimBudget(256).take() < 256


async def test_claims_wait_until_a_worthwhile_part_is_free() -> None:
    budget = ClaimBudget(100)
    await budget.take()
    await budget.take()
    waiting = asyncio.create_task(budget.take())
    await budget.give_back(1)
    await asyncio.sleep(0)
    assert not waiting.done()
    await budget.give_back(24)
    assert await waiting == 25


async def test_a_batch_that_is_cancelled_while_it_waits_takes_nothing() -> None:
    budget = ClaimBudget(4)
    held = [await budget.take(), await budget.take()]
    waiting = [asyncio.create_task(budget.take()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for taken in held:
        await budget.give_back(taken)
    assert [await budget.take(), await budget.take()] == held
