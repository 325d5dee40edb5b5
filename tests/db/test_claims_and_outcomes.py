import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from heliograph.db import claims, leases, outcomes, runs
from heliograph.db.claims import Claim, Rendered
from heliograph.db.counters import read_figures
from heliograph.db.engine import Database, open_database
from heliograph.db.freeze import freeze_chunk
from heliograph.db.moves import total
from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass, RunStatus
from tests.db.ledger import Seeded, seed_run

LEASE = timedelta(minutes=1)


async def claim_all(database: Database, seeded: Seeded, *, lease: timedelta = LEASE, limit: int = 1_000) -> list[Claim]:
    found = await claims.candidates(database.pool, seeded.run_id, 1, 1, 1_000_000, limit)
    taken = await claims.claim(
        database.pool,
        workspace_id=seeded.workspace_id,
        run_id=seeded.run_id,
        wave=1,
        first=1,
        last=1_000_000,
        rendered=[Rendered(item.id, "Hello", 1) for item in found],
        lease=lease,
        connector_id=seeded.connector_id,
        sender_id=seeded.sender_id,
    )
    return taken.claimed


def outcome(claim: Claim, state: MessageState, **more: object) -> AttemptOutcome:
    return AttemptOutcome(claim.id, claim.attempt, state, datetime.now(UTC), **more)  # type: ignore[arg-type]


async def record(database: Database, seeded: Seeded, *items: AttemptOutcome) -> int:
    async with database.transaction() as connection:
        return await outcomes.record(connection, workspace_id=seeded.workspace_id, run_id=seeded.run_id, outcomes=items)


async def states(database: Database, run_id: UUID) -> dict[str, int]:
    rows = await database.pool.fetch("SELECT state::text, count(*) FROM message WHERE run_id = $1 GROUP BY 1", run_id)
    return {row["state"]: row["count"] for row in rows}


async def books_balance(database: Database, run_id: UUID) -> bool:
    async with database.pool.acquire() as connection:
        books = await runs.read_books(connection, run_id)
    assert books.ledger == books.counters
    return books.balanced()


async def test_a_freeze_writes_every_recipient_once_and_counts_exclusions(database: Database) -> None:
    seeded = await seed_run(database, 30, duplicates=4, freeze=False)
    await database.pool.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, reason, source)
        VALUES (uuidv7(), now(), $1, 'sms', '+14150000003', 'opt_out', 'test')
        """,
        seeded.workspace_id,
    )
    await asyncio.gather(*(freeze_chunk(database, seeded.run_id) for _ in range(4)))
    assert await states(database, seeded.run_id) == {"queued": 25, "suppressed": 1, "duplicate": 4}
    assert await books_balance(database, seeded.run_id)


async def test_a_freeze_that_is_repeated_from_the_start_adds_nothing(database: Database) -> None:
    seeded = await seed_run(database, 20)
    await database.pool.execute("UPDATE run SET frozen_rows = 0 WHERE id = $1", seeded.run_id)
    await freeze_chunk(database, seeded.run_id)
    assert await states(database, seeded.run_id) == {"queued": 20}
    assert await books_balance(database, seeded.run_id)


async def test_many_freezes_at_once_come_through_on_a_small_pool(database: Database, database_url: str) -> None:
    seeded = [await seed_run(database, 10, freeze=False) for _ in range(3)]
    async with open_database(database_url, pool_size=2) as small:
        await asyncio.gather(*(freeze_chunk(small, each.run_id) for each in seeded))
    for each in seeded:
        assert await states(database, each.run_id) == {"queued": 10}
        assert await books_balance(database, each.run_id)


async def test_two_workers_on_one_range_never_claim_the_same_message(database: Database) -> None:
    seeded = await seed_run(database, 200)
    taken = await asyncio.gather(*(claim_all(database, seeded) for _ in range(4)))
    ids = [claim.id for claimed in taken for claim in claimed]
    assert len(ids) == len(set(ids)) == 200
    assert await books_balance(database, seeded.run_id)


@pytest.mark.parametrize("status", [RunStatus.PAUSED, RunStatus.STOPPING, RunStatus.SCHEDULED])
async def test_nothing_is_claimed_from_a_run_that_is_not_active(database: Database, status: RunStatus) -> None:
    seeded = await seed_run(database, 5)
    await database.pool.execute(
        "UPDATE run SET status = $2::text::run_status WHERE id = $1", seeded.run_id, status.value
    )
    assert await claim_all(database, seeded) == []
    assert await states(database, seeded.run_id) == {"queued": 5}


async def test_a_recipient_suppressed_after_the_freeze_is_excluded_at_the_claim(database: Database) -> None:
    seeded = await seed_run(database, 3)
    await database.pool.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, sender_id, reason, source)
        VALUES (uuidv7(), now(), $1, 'sms', '+14150000002', $2, 'opt_out', 'test')
        """,
        seeded.workspace_id,
        seeded.sender_id,
    )
    assert len(await claim_all(database, seeded)) == 2
    assert await states(database, seeded.run_id) == {"claimed": 2, "suppressed": 1}
    assert await books_balance(database, seeded.run_id)


async def test_what_comes_too_late_expires_at_the_claim(database: Database) -> None:
    seeded = await seed_run(database, 3)
    await database.pool.execute("UPDATE run SET expires_at = now() WHERE id = $1", seeded.run_id)
    assert await claim_all(database, seeded) == []
    assert await states(database, seeded.run_id) == {"expired": 3}
    assert await books_balance(database, seeded.run_id)


async def test_a_recipient_who_cannot_be_rendered_becomes_invalid_with_the_reason(database: Database) -> None:
    seeded = await seed_run(database, 1)
    (found,) = await claims.candidates(database.pool, seeded.run_id, 1, 1, 1, 10)
    taken = await claims.claim(
        database.pool,
        workspace_id=seeded.workspace_id,
        run_id=seeded.run_id,
        wave=1,
        first=1,
        last=1,
        rendered=[Rendered(found.id, None, 0, "missing_variable")],
        lease=LEASE,
        connector_id=seeded.connector_id,
        sender_id=seeded.sender_id,
    )
    assert (taken.claimed, taken.excluded) == ([], {(MessageState.INVALID, "missing_variable"): 1})
    row = await database.pool.fetchrow("SELECT state::text, reason FROM message WHERE run_id = $1", seeded.run_id)
    assert tuple(row) == ("invalid", "missing_variable")
    assert await books_balance(database, seeded.run_id)


async def test_outcomes_move_claimed_messages_and_their_counters(database: Database) -> None:
    seeded = await seed_run(database, 4)
    accepted, rejected, doubtful, queued = await claim_all(database, seeded)
    error = {"error_class": ErrorClass.RECIPIENT, "error_code": "21211", "error_message": "invalid"}
    await record(
        database,
        seeded,
        outcome(accepted, MessageState.ACCEPTED, provider_message_id="SM1", parts=2),
        outcome(rejected, MessageState.REJECTED, **error),
        outcome(doubtful, MessageState.IN_DOUBT, error_class=ErrorClass.UNKNOWN_OUTCOME, error_code="500"),
        outcome(queued, MessageState.QUEUED, error_class=ErrorClass.RATE_LIMITED, error_code="20429"),
    )
    assert await states(database, seeded.run_id) == {"accepted": 1, "rejected": 1, "in_doubt": 1, "queued": 1}
    assert await books_balance(database, seeded.run_id)
    async with database.pool.acquire() as connection:
        figures = await read_figures(connection, seeded.run_id)
    assert {(figure.state.value, figure.code, figure.parts) for figure in figures} == {
        ("accepted", "", 2),
        ("rejected", "21211", 1),
        ("in_doubt", "500", 1),
        ("queued", "20429", 0),
    }


async def test_a_further_try_keeps_the_earlier_attempt(database: Database) -> None:
    seeded = await seed_run(database, 1)
    (first,) = await claim_all(database, seeded)
    await record(
        database, seeded, outcome(first, MessageState.QUEUED, error_class=ErrorClass.RATE_LIMITED, error_code="20429")
    )
    (second,) = await claim_all(database, seeded)
    assert (first.attempt, second.attempt) == (1, 2)
    row = await database.pool.fetchrow("SELECT attempt, outcome::text, error_code FROM attempt")
    assert tuple(row) == (1, "queued", "20429")
    assert await books_balance(database, seeded.run_id)


async def test_a_lease_that_ran_out_puts_the_message_in_doubt_and_nothing_else(database: Database) -> None:
    seeded = await seed_run(database, 10)
    dead = await claim_all(database, seeded, lease=timedelta(seconds=-1), limit=4)
    alive = await claim_all(database, seeded, limit=3)
    async with database.transaction() as connection:
        assert (await leases.settle_expired(connection)).by_run == {seeded.run_id: len(dead)}
    assert await states(database, seeded.run_id) == {"in_doubt": 4, "claimed": len(alive), "queued": 3}
    async with database.transaction() as connection:
        assert (await leases.settle_expired(connection)).by_run == {}
    assert await books_balance(database, seeded.run_id)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (MessageState.ACCEPTED, "accepted"),
        (MessageState.REJECTED, "rejected"),
        (MessageState.QUEUED, "in_doubt"),
        (MessageState.IN_DOUBT, "in_doubt"),
    ],
)
async def test_an_answer_after_the_lease_still_counts_when_it_is_certain(
    database: Database, late: MessageState, expected: str
) -> None:
    seeded = await seed_run(database, 1)
    (claim,) = await claim_all(database, seeded, lease=timedelta(seconds=-1))
    async with database.transaction() as connection:
        await leases.settle_expired(connection)
    await record(database, seeded, outcome(claim, late))
    assert await states(database, seeded.run_id) == {expected: 1}
    assert await books_balance(database, seeded.run_id)


async def test_an_outcome_recorded_twice_changes_nothing_the_second_time(database: Database) -> None:
    seeded = await seed_run(database, 1)
    (claim,) = await claim_all(database, seeded)
    item = outcome(claim, MessageState.ACCEPTED, provider_message_id="SM1")
    assert await record(database, seeded, item) == 1
    assert await record(database, seeded, item) == 0
    assert await books_balance(database, seeded.run_id)


async def test_a_run_pauses_itself_when_more_is_in_doubt_than_its_limit(database: Database) -> None:
    seeded = await seed_run(database, 5, in_doubt_limit=2)
    claimed = await claim_all(database, seeded)
    for expected, claim in zip([False, False, True], claimed[:3], strict=True):
        await record(database, seeded, outcome(claim, MessageState.IN_DOUBT, error_class=ErrorClass.UNKNOWN_OUTCOME))
        async with database.transaction() as connection:
            assert await runs.pause_if_too_much_is_in_doubt(connection, seeded.run_id) is expected
    row = await database.pool.fetchrow(
        "SELECT run.status::text, campaign.status::text, pause_reason "
        "FROM run JOIN campaign ON campaign.id = campaign_id"
    )
    assert tuple(row)[:2] == ("PAUSED", "PAUSED")
    assert "in doubt" in row["pause_reason"]


async def test_a_stop_cancels_what_was_never_tried_and_only_that(database: Database) -> None:
    seeded = await seed_run(database, 10)
    await claim_all(database, seeded, limit=4)
    after: int | None = 0
    while after is not None:
        taken = await runs.discard_queued(database.pool, seeded.run_id, after, MessageState.CANCELLED, "stopped")
        after = taken.through
    assert await states(database, seeded.run_id) == {"claimed": 4, "cancelled": 6}
    assert await books_balance(database, seeded.run_id)


async def test_giving_up_waiting_leaves_nothing_open(database: Database) -> None:
    seeded = await seed_run(database, 2)
    accepted, doubtful = await claim_all(database, seeded)
    await record(database, seeded, outcome(accepted, MessageState.ACCEPTED), outcome(doubtful, MessageState.IN_DOUBT))
    async with database.transaction() as connection:
        assert total(await runs.give_up_waiting(connection, seeded.run_id)) == 2
    assert await states(database, seeded.run_id) == {"unconfirmed": 1, "unknown": 1}
    assert await books_balance(database, seeded.run_id)
    await record(database, seeded, outcome(doubtful, MessageState.ACCEPTED, provider_message_id="SM2"))
    assert await states(database, seeded.run_id) == {"unconfirmed": 1, "accepted": 1}
    assert await books_balance(database, seeded.run_id)


@pytest.mark.parametrize("how", ["expired at the claim", "stopped"])
async def test_an_earlier_try_is_kept_when_no_further_one_is_made(database: Database, how: str) -> None:
    seeded = await seed_run(database, 1)
    (first,) = await claim_all(database, seeded)
    await record(
        database, seeded, outcome(first, MessageState.QUEUED, error_class=ErrorClass.RATE_LIMITED, error_code="20429")
    )
    if how == "stopped":
        await runs.discard_queued(database.pool, seeded.run_id, 0, MessageState.CANCELLED, "stopped")
    else:
        await database.pool.execute("UPDATE run SET expires_at = now() WHERE id = $1", seeded.run_id)
        assert await claim_all(database, seeded) == []
    row = await database.pool.fetchrow("SELECT attempt, error_code FROM attempt")
    assert tuple(row) == (1, "20429")
    assert await books_balance(database, seeded.run_id)
