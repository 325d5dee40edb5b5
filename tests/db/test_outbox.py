"""The outbox: each row told by one dispatcher at a time, again when that one dies, never out of order of its key."""

import asyncio
from datetime import timedelta

from heliograph.db import outbox
from heliograph.db.engine import Database
from heliograph.db.outbox import OutboxRow
from heliograph.db.tables import Outbox
from heliograph.ids import new_id

HOLD = timedelta(minutes=5)
WORKSPACE = new_id()


async def put(database: Database, *keys: str) -> None:
    """One row a key, in this order."""
    for number, key in enumerate(keys):
        async with database.unit_of_work() as session:
            session.add(Outbox(workspace_id=WORKSPACE, topic="campaign.progress", key=key, payload={"number": number}))


async def take(database: Database, limit: int = 100, hold: timedelta = HOLD) -> list[OutboxRow]:
    """As a dispatcher does, committed."""
    async with database.transaction() as connection:
        return await outbox.take(connection, limit, hold)


def keys(rows: list[OutboxRow]) -> list[str]:
    """What the rows are about."""
    return [row.key for row in rows]


async def test_dispatchers_at_work_at_once_take_rows_of_their_own(database: Database) -> None:
    await put(database, *(str(number) for number in range(40)))
    async with database.transaction() as first, database.transaction() as second:
        shares = [await outbox.take(first, 15, HOLD), await outbox.take(second, 15, HOLD)]
    shares.append(await take(database))
    assert [len(share) for share in shares] == [15, 15, 10]
    assert {row.id for share in shares for row in share} == set(
        await database.pool.fetchval("SELECT array_agg(id) FROM outbox")
    )


async def test_many_dispatchers_together_tell_each_row_once(database: Database) -> None:
    await put(database, *(str(number) for number in range(30)))
    told: list[str] = []

    async def dispatcher() -> None:
        while rows := await take(database, 4):
            told.extend(keys(rows))
            async with database.transaction() as connection:
                await outbox.forget(connection, [row.id for row in rows])

    await asyncio.gather(*(dispatcher() for _ in range(4)))
    assert sorted(told, key=int) == [str(number) for number in range(30)]
    assert await database.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_rows_come_in_the_order_in_which_they_were_written(database: Database) -> None:
    await put(database, "a", "b", "a", "a", "b")
    rows = await take(database)
    assert keys(rows) == ["a", "b", "a", "a", "b"]
    assert [row.payload["number"] for row in rows if row.key == "a"] == [0, 2, 3]


async def test_a_row_that_was_taken_is_hidden_until_its_hold_is_over(database: Database) -> None:
    await put(database, "a")
    (first,) = await take(database)
    assert await take(database) == []
    await database.pool.execute("UPDATE outbox SET available_at = available_at - $1::interval", HOLD)
    (again,) = await take(database)
    assert (again.id, again.tries) == (first.id, 2)


async def test_a_dispatcher_that_dies_before_its_commit_hides_nothing(database: Database) -> None:
    await put(database, "a", "b")
    connection = await database.pool.acquire()
    transaction = connection.transaction()
    await transaction.start()
    assert len(await outbox.take(connection, 10, HOLD)) == 2
    await transaction.rollback()
    await database.pool.release(connection)
    assert [row.tries for row in await take(database)] == [1, 1]


async def test_a_postponed_row_comes_back_with_its_reason(database: Database) -> None:
    await put(database, "a", "b")
    for row in await take(database):
        async with database.transaction() as connection:
            delay = timedelta(0) if row.key == "a" else timedelta(hours=1)
            await outbox.postpone(connection, row.id, delay, "Temporal is away " * 100)
    assert keys(await take(database)) == ["a"]
    reasons = await database.pool.fetch("SELECT last_error FROM outbox")
    assert all(row["last_error"].startswith("Temporal is away") and len(row["last_error"]) <= 500 for row in reasons)


async def test_a_row_waits_while_an_earlier_one_of_its_key_is_postponed(database: Database) -> None:
    """A launch whose start was refused for minutes: its progress told before would be told to nobody."""
    await put(database, "a", "a", "b")
    first, second, other = await take(database)
    async with database.transaction() as connection:
        await outbox.postpone(connection, first.id, timedelta(hours=1), "refused")
        await outbox.postpone(connection, second.id, timedelta(0), "behind it")
        await outbox.forget(connection, [other.id])
    await put(database, "a", "b")
    assert keys(await take(database)) == ["b"]
    async with database.transaction() as connection:
        await outbox.forget(connection, [first.id])
    assert [row.payload["number"] for row in await take(database)] == [1, 0]
