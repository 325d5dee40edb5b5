"""Tokens of campaign, sender and connector in one database: shared by all workers, whichever buckets they draw from."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from heliograph.db import pacing
from heliograph.db.engine import Database, open_database
from heliograph.db.pacing import Demand
from heliograph.db.runs import SendingRun
from heliograph.domain.vocabulary import RunStatus
from heliograph.ids import new_id
from heliograph.pacing.tokens import Reservation, largest_chunk, reserve

SLACK = 20.0
"""Seconds by which a start may be misread, while the answer comes; the distances are long beside it."""


def sending_run(**limits: Any) -> SendingRun:
    """A run as a worker reads it."""
    speeds = {"campaign_speed": None, "sender_speed": None, "connector_speed": None, **limits}
    return SendingRun(
        workspace_id=new_id(),
        status=RunStatus.ACTIVE,
        **{"connector_id": new_id(), "sender_id": new_id(), **speeds},
        sender_kind="long_code",
        sender_address="+14155550100",
        provider="twilio",
        category="promotional",
        channel="sms",
        template_version_id=new_id(),
        in_doubt_limit=1_000,
        routed=False,
        blocked_seconds=0.0,
    )


async def start_of(database: Database, *demands: Demand) -> float:
    """When the first of the tokens may be used, on a clock of this test."""
    wait = await pacing.reserve(database.pool, demands)
    return time.monotonic() + wait


def assert_apart(starts: Sequence[float], seconds: float) -> None:
    """Each start at least so long after the one before it, so that no window holds more than its share."""
    assert all(later - earlier >= seconds - SLACK for earlier, later in pairwise(sorted(starts))), sorted(starts)


async def test_workers_that_share_a_bucket_never_exceed_its_rate_over_any_window(
    database: Database, database_url: str
) -> None:
    demand = Demand("sender/one", 0.5, 100)  # two hundred seconds of traffic
    async with open_database(database_url) as other:
        workers = [database, other] * 10
        starts = await asyncio.gather(*(start_of(worker, demand) for worker in workers))
    assert_apart(starts, 200)
    assert max(starts) - min(starts) <= 19 * 200 + SLACK, "tokens were lost"


async def test_small_and_large_demands_each_take_the_time_they_are_worth(database: Database) -> None:
    tokens = [1_000.0, 1.0, 3_000.0, 500.0]
    starts = [await start_of(database, Demand("sender/one", 1, amount)) for amount in tokens]
    for (earlier, later), amount in zip(pairwise(starts), tokens, strict=False):
        assert abs(later - earlier - amount) < SLACK


async def test_a_bucket_that_lay_idle_starts_now_and_saves_nothing_up(database: Database) -> None:
    demand = Demand("sender/one", 1, 1_000)
    await pacing.reserve(database.pool, [demand])
    await database.pool.execute("UPDATE pacing_bucket SET arrival = now() - interval '1 day'")
    assert await pacing.reserve(database.pool, [demand]) == 0
    assert await pacing.reserve(database.pool, [demand]) > 1_000 - SLACK


async def test_a_change_of_speed_holds_for_what_is_asked_from_then_on(database: Database) -> None:
    starts = [await start_of(database, Demand("campaign/one", speed, 1_000)) for speed in (1.0, 10.0, 10.0)]
    assert abs(starts[1] - starts[0] - 1_000) < SLACK
    assert abs(starts[2] - starts[1] - 100) < SLACK


async def test_of_several_buckets_the_slowest_decides_and_each_is_charged(database: Database) -> None:
    slow, fast = Demand("campaign/slow", 1, 1_000), Demand("sender/fast", 10, 1_000)
    starts = [await start_of(database, slow, fast) for _ in range(3)]
    assert_apart(starts, 1_000)
    assert abs(await pacing.reserve(database.pool, [fast]) - 300) < SLACK


async def test_a_slow_campaign_that_waits_does_not_make_others_on_its_sender_wait_as_long(database: Database) -> None:
    """It takes its share of the sender, not the time it waits for its own limit."""
    for _ in range(5):
        waited = await pacing.reserve(
            database.pool, [Demand("campaign/slow", 0.1, 100), Demand("sender/shared", 100, 100)]
        )
    assert waited > 4_000 - SLACK
    assert await pacing.reserve(database.pool, [Demand("sender/shared", 100, 100)]) < SLACK


async def test_the_order_in_which_buckets_are_named_cannot_deadlock(database: Database) -> None:
    names = [f"bucket/{number}" for number in range(6)]

    async def worker(offset: int) -> None:
        order = [*names[offset:], *names[:offset]][:: -1 if offset % 2 else 1]
        for _ in range(15):
            await pacing.reserve(database.pool, [Demand(name, 1, 100) for name in order])

    await asyncio.gather(*(worker(offset) for offset in range(6)))
    waits = [await pacing.reserve(database.pool, [Demand(name, 1, 100)]) for name in names]
    assert all(abs(wait - 6 * 15 * 100) < SLACK for wait in waits)


async def test_a_block_holds_everybody_and_is_never_shortened(database: Database) -> None:
    assert await pacing.blocked_until(database.pool, "connector/one") is None
    await pacing.block(database.pool, "connector/one", timedelta(hours=2))
    until = await pacing.blocked_until(database.pool, "connector/one")
    await pacing.block(database.pool, "connector/one", timedelta(hours=1))
    assert until is not None
    assert await pacing.blocked_until(database.pool, "connector/one") == until
    assert await pacing.blocked_until(database.pool, "connector/other") is None


async def test_a_block_that_is_over_is_none(database: Database) -> None:
    await pacing.block(database.pool, "connector/one", timedelta(seconds=-1))
    assert await pacing.blocked_until(database.pool, "connector/one") is None


async def test_senders_and_connectors_count_parts_and_campaigns_messages(database: Database) -> None:
    run = sending_run(campaign_speed=1.0, sender_speed=1.0, connector_speed=1.0)
    run_id = new_id()
    first = await reserve(database.pool, run_id, run, [1, 1, 4])
    assert first.wait == 0
    assert first.spacing == 2  # six parts at one a second, over three messages
    keys = {
        row["key"]: row["seconds"]
        for row in await database.pool.fetch(
            "SELECT key, extract(epoch FROM arrival - now())::float8 AS seconds FROM pacing_bucket"
        )
    }
    assert set(keys) == {f"campaign/{run_id}", f"sender/{run.sender_id}", f"connector/{run.connector_id}"}
    sender, campaign = keys[f"sender/{run.sender_id}"], keys[f"campaign/{run_id}"]
    assert round(sender - campaign) == 3


async def test_a_run_without_limits_or_messages_takes_no_tokens(database: Database) -> None:
    assert await reserve(database.pool, new_id(), sending_run(), [1]) == Reservation()
    assert await reserve(database.pool, new_id(), sending_run(sender_speed=1.0), []) == Reservation()
    assert await database.pool.fetchval("SELECT count(*) FROM pacing_bucket") == 0


def test_a_chunk_is_a_second_of_the_slowest_limit_and_at_least_one_message() -> None:
    assert largest_chunk(sending_run(), 128) == 128
    assert largest_chunk(sending_run(campaign_speed=500.0, sender_speed=20.0), 128) == 20
    assert largest_chunk(sending_run(connector_speed=0.1), 128) == 1
