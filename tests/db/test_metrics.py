"""The counters of all processes in one table."""

import asyncio

from heliograph.db.engine import Database
from heliograph.db.metrics import add, read_all
from heliograph.telemetry.tally import Increment


def increment(count: int, buckets: tuple[int, ...] = (), name: str = "heliograph.messages.accepted") -> Increment:
    return Increment(name, {"provider": "twilio", "type": "text"}, count, count / 2, list(buckets))


async def test_counts_of_several_processes_are_summed(database: Database) -> None:
    await add(database.pool, [increment(2), increment(3, (1, 2, 0), name="heliograph.accept.latency")])
    await add(database.pool, [increment(5), increment(1, (0, 0, 1), name="heliograph.accept.latency")])
    assert await read_all(database.pool) == [
        increment(4, (1, 2, 1), name="heliograph.accept.latency"),
        increment(7),
    ]


async def test_processes_that_add_at_once_lose_nothing(database: Database) -> None:
    names = [f"heliograph.number.{number}" for number in range(40)]
    batches = [[increment(1, (1, 0), name=name) for name in order] for order in (names, names[::-1])] * 5
    await asyncio.gather(*(add(database.pool, batch) for batch in batches))
    found = await read_all(database.pool)
    assert {each.count for each in found} == {10}
    assert {tuple(each.buckets) for each in found} == {(10, 0)}


async def test_a_series_with_other_buckets_begins_anew(database: Database) -> None:
    await add(database.pool, [increment(9, (9, 0))])
    await add(database.pool, [increment(1, (0, 1, 0))])
    assert await read_all(database.pool) == [increment(1, (0, 1, 0))]
