"""Runs: what remains in them, what is told of them, and the proof at their end."""

from datetime import timedelta
from typing import Any

import pytest

from bench.ledger_seed import seed_run as seed_open_run
from heliograph.db import runs
from heliograph.db.engine import Database
from heliograph.db.moves import total
from heliograph.domain.ledger import FINAL, OPEN, MessageState
from heliograph.domain.vocabulary import RunStatus
from tests.db.ledger import seed_run
from tests.past import seed_messages

S = MessageState
OPEN_STATES = sorted(state.value for state in OPEN)


async def announced(database: Database) -> list[int]:
    """The shares that workflows are to be told, oldest first; forgotten afterwards."""
    await runs.announce_progress(database.pool, OPEN_STATES)
    rows = await database.pool.fetch("SELECT payload FROM outbox WHERE topic = 'campaign.progress' ORDER BY id")
    await database.pool.execute("DELETE FROM outbox")
    return [int(row["payload"]["share"]) for row in rows]


async def move(database: Database, run_id: Any, count: int, state: MessageState, wanted: MessageState) -> None:
    """Moves so many messages and their counters, as any statement of ours does."""
    for begin, end in ((state, -count), (wanted, count)):
        await database.pool.execute(
            """
            INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
            SELECT id, 0, $2::text::message_state, '', workspace_id, $3, 0 FROM run WHERE id = $1
            ON CONFLICT (run_id, shard, state, code) DO UPDATE SET count = counter.count + excluded.count
            """,
            run_id,
            begin.value,
            end,
        )


async def test_each_five_per_cent_is_told_once_and_a_hundred_at_the_end(database: Database) -> None:
    run = await seed_run(database, 40)
    told = await announced(database)
    for _ in range(40):
        await move(database, run.run_id, 1, S.QUEUED, S.ACCEPTED)
        told += await announced(database)
        told += await announced(database)
    assert told == list(range(5, 55, 5))
    for _ in range(40):
        await move(database, run.run_id, 1, S.ACCEPTED, S.DELIVERED)
        told += await announced(database)
    assert told == list(range(5, 105, 5))
    assert await announced(database) == []


async def test_a_run_that_ends_at_once_is_told_once_with_its_states(database: Database) -> None:
    run = await seed_run(database, 7)
    await move(database, run.run_id, 7, S.QUEUED, S.REJECTED)
    await runs.announce_progress(database.pool, OPEN_STATES)
    (row,) = await database.pool.fetch("SELECT key, payload FROM outbox")
    assert (row["key"], row["payload"]) == (str(run.run_id), {"share": 100, "states": {"rejected": 7}})


async def test_nothing_but_the_end_is_told_as_a_hundred(database: Database) -> None:
    """399 of 400 is nearly all, and one message is open."""
    run = await seed_run(database, 400)
    await move(database, run.run_id, 400, S.QUEUED, S.ACCEPTED)
    await move(database, run.run_id, 399, S.ACCEPTED, S.DELIVERED)
    assert await announced(database) == [95]


async def test_a_run_that_is_not_frozen_or_is_closed_is_not_told_of(database: Database) -> None:
    unfrozen = await seed_run(database, 4, freeze=False)
    closed = await seed_run(database, 4)
    await database.pool.execute("UPDATE run SET status = 'COMPLETED' WHERE id = $1", closed.run_id)
    for run in (unfrozen, closed):
        await move(database, run.run_id, 4, S.QUEUED, S.DELIVERED)
    assert await announced(database) == []


async def test_ranges_cover_what_is_queued_and_nothing_else_earliest_due_first(database: Database) -> None:
    run = await seed_run(database, 100)
    await database.pool.execute("UPDATE message SET state = 'expired' WHERE number NOT IN (3, 12, 15, 77)")
    await database.pool.execute("UPDATE message SET due_at = due_at - interval '1 h' WHERE number = 77")
    found = await runs.queued_ranges(database.pool, run.run_id, 10, 10)
    assert [(item["wave"], item["first"], item["last"]) for item in found] == [(1, 77, 77), (1, 3, 3), (1, 12, 15)]
    assert [item["due_at"] for item in found] == sorted(item["due_at"] for item in found)
    assert len(await runs.queued_ranges(database.pool, run.run_id, 10, 2)) == 2
    assert all(item["last"] - item["first"] < 10 for item in found)


async def test_the_last_lease_says_how_long_claims_can_still_be_open(database: Database) -> None:
    run = await seed_open_run(database)
    assert await runs.claimed_until(database.pool, run.run_id) == 0
    await seed_messages(database.pool, run, 3, S.CLAIMED)
    await database.pool.execute("UPDATE message SET lease_until = now() + number * interval '1 h'")
    assert 2.9 * 3_600 < await runs.claimed_until(database.pool, run.run_id) <= 3 * 3_600
    await database.pool.execute("UPDATE message SET lease_until = now() - interval '1 h'")
    assert await runs.claimed_until(database.pool, run.run_id) == 1, "open until the sweeper settles it"


async def test_the_totals_of_the_close_stand_in_the_run_and_its_campaign(database: Database) -> None:
    run = await seed_run(database, 3)
    totals = {"figures": [{"state": "delivered", "code": "", "count": 3, "parts": 3}]}
    async with database.transaction() as connection:
        await runs.freeze_totals(connection, run.run_id, RunStatus.COMPLETED, totals)
    row = await database.pool.fetchrow(
        "SELECT run.*, campaign.status AS campaign FROM run JOIN campaign ON campaign.id = campaign_id"
    )
    assert (row["status"], row["campaign"], row["totals"]) == ("COMPLETED", "COMPLETED", totals)
    assert row["closed_at"] is not None


async def test_a_status_changes_only_from_where_it_may(database: Database) -> None:
    run = await seed_run(database, 1)
    active = frozenset({RunStatus.ACTIVE})
    async with database.transaction() as connection:
        for expected in (RunStatus.PAUSED, RunStatus.PAUSED):
            status = await runs.change_status(connection, run.run_id, RunStatus.PAUSED, allowed=active, reason="why")
            assert status is expected
        stopped = await runs.change_status(connection, run.run_id, RunStatus.STOPPING, allowed=active)
        assert stopped is RunStatus.PAUSED
    row = await database.pool.fetchrow("SELECT status, pause_reason FROM run")
    assert tuple(row) == ("PAUSED", "why")


async def test_a_run_that_is_not_there_has_no_status_and_no_plan(database: Database) -> None:
    nobody = (await seed_run(database, 1)).campaign_id
    async with database.transaction() as connection:
        changed = await runs.change_status(connection, nobody, RunStatus.PAUSED, allowed=frozenset(RunStatus))
    assert changed is None
    assert await runs.read_plan(database.pool, nobody) is None
    assert await runs.read_sending_run(database.pool, nobody) is None


@pytest.mark.parametrize(
    ("speeds", "smallest"), [((None, None, None), None), ((5.0, None, 2.0), 2.0), ((None, 1.0, 9.0), 1.0)]
)
async def test_the_plan_has_the_smallest_speed_that_is_set(
    database: Database, speeds: tuple[float | None, ...], smallest: float | None
) -> None:
    run = await seed_run(database, 1)
    for table, speed in zip(("run", "sender", "connector"), speeds, strict=True):
        await database.pool.execute(f"UPDATE {table} SET messages_per_second = $1", speed)
    plan = await runs.read_plan(database.pool, run.run_id)
    assert plan is not None
    assert plan["messages_per_second"] == smallest


async def test_runs_of_long_ago_that_are_open_are_found(database: Database) -> None:
    run, closed = await seed_run(database, 1), await seed_run(database, 1)
    await database.pool.execute("UPDATE run SET status = 'STOPPED' WHERE id = $1", closed.run_id)
    assert await runs.open_runs(database.pool, timedelta(hours=1)) == []
    await database.pool.execute("UPDATE run SET created_at = created_at - interval '2 h'")
    assert await runs.open_runs(database.pool, timedelta(hours=1)) == [(run.workspace_id, run.run_id)]


# -- the proof


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM message WHERE number = 2",
        "UPDATE message SET number = 9 WHERE number = 2",
        "UPDATE message SET number = 3 WHERE number = 2",
        "UPDATE message SET state = 'cancelled', reason = 'stopped' WHERE number = 2",
        "UPDATE message SET reason = 'changed' WHERE number = 2",
        "UPDATE run_counter SET count = count + 1",
        "UPDATE run_counter SET parts = parts + 1",
        "UPDATE run SET source_rows = source_rows + 1",
    ],
)
async def test_a_change_made_beside_the_books_is_found(database: Database, change: str) -> None:
    run = await seed_run(database, 5)
    async with database.pool.acquire() as connection:
        assert (await runs.read_books(connection, run.run_id)).balanced()
        await connection.execute(change)
        assert not (await runs.read_books(connection, run.run_id)).balanced()


async def test_giving_up_leaves_nothing_open_and_the_books_balanced(database: Database) -> None:
    run = await seed_run(database, 20)
    await database.pool.execute("UPDATE message SET state = 'claimed', claimed_at = now(), attempt = 1")
    for state in ("accepted", "in_doubt"):
        numbers = "number <= 10" if state == "accepted" else "number > 10"
        await database.pool.execute(f"UPDATE message SET state = '{state}' WHERE {numbers}")
    await move(database, run.run_id, 10, S.QUEUED, S.ACCEPTED)
    await move(database, run.run_id, 10, S.QUEUED, S.IN_DOUBT)
    async with database.transaction() as connection:
        assert total(await runs.give_up_waiting(connection, run.run_id)) == 20
        assert await runs.give_up_waiting(connection, run.run_id) == []
        books = await runs.read_books(connection, run.run_id)
    assert books.balanced()
    assert {figure.state: figure.count for figure in books.ledger} == {S.UNCONFIRMED: 10, S.UNKNOWN: 10}
    assert {figure.state for figure in books.ledger} <= FINAL
