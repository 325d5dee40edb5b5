"""What commits tell the metrics of the messages they moved."""

from dataclasses import replace
from datetime import timedelta

import pytest_asyncio

from bench.ledger_seed import SeededRun, seed_run
from heliograph.db import leases, receipts, runs
from heliograph.db.engine import Database
from heliograph.db.freeze import freeze_chunk
from heliograph.db.moves import Moves
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.telemetry.metrics import Route
from tests.db import ledger
from tests.db.test_claims_and_outcomes import claim_all
from tests.db.test_receipts import report
from tests.past import seed_messages

S = MessageState
ROUTE = Route("twilio", Channel.SMS, Category.PROMOTIONAL)


@pytest_asyncio.fixture
async def run(database: Database) -> SeededRun:
    """A run without messages."""
    return await seed_run(database)


async def test_receipts_tell_states_errors_and_lags_of_the_messages_they_moved(
    database: Database, run: SeededRun
) -> None:
    ids = await seed_messages(database.pool, run, 4)
    await database.pool.execute(
        "UPDATE message SET accepted_at = now() - interval '10 seconds' WHERE id = ANY ($1)", ids[:3]
    )
    await database.pool.execute("UPDATE message SET accepted_at = NULL, type = '2FA' WHERE id = $1", ids[3])
    batch = [report(run, id, S.DELIVERED) for id in (ids[0], ids[1], ids[3])]
    async with database.transaction() as connection:
        told = await receipts.store_and_fold(connection, [*batch, report(run, ids[2], S.UNDELIVERED, code="30003")])
        again = await receipts.store_and_fold(connection, batch)
    delivered, other_type, undelivered = sorted(told.moves, key=lambda each: (each.state, each.route.type or ""))
    assert (delivered.route, delivered.state, delivered.count) == (ROUTE, S.DELIVERED, 2)
    assert all(9 < lag < 60 for lag in delivered.lags)
    assert len(delivered.lags) == 2
    assert other_type == Moves(replace(ROUTE, type="2FA"), S.DELIVERED, 1)  # when it was accepted is not known
    assert (undelivered.state, undelivered.error_class) == (S.UNDELIVERED, ErrorClass.DELIVERY)
    assert again.moves == ()


async def test_the_last_part_tells_that_its_message_is_delivered(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1)
    await database.pool.execute("UPDATE message SET parts = 2 WHERE id = $1", message)
    told = []
    for part in (1, 2):
        async with database.transaction() as connection:
            stored = await receipts.store_and_fold(connection, [report(run, message, S.DELIVERED, part=part)])
            told.append([each.state for each in stored.moves])
    assert told == [[S.SENT], [S.DELIVERED]]


async def test_a_freeze_tells_what_it_excluded_and_why(database: Database) -> None:
    seeded = await ledger.seed_run(database, 3, freeze=False)
    await database.pool.execute("UPDATE run SET expires_at = now() - interval '1 hour' WHERE id = $1", seeded.run_id)
    step = await freeze_chunk(database, seeded.run_id)
    assert sum(each.count for each in step.excluded) == 3
    assert {(each.state, each.reason, each.route.category) for each in step.excluded} == {
        (S.EXPIRED, "too_late", Category.PROMOTIONAL)
    }


async def test_a_stop_an_expired_lease_and_the_close_tell_what_they_moved(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 2, S.QUEUED)
    await seed_messages(database.pool, run, 3, S.ACCEPTED, first=10)
    await seed_messages(database.pool, run, 1, S.IN_DOUBT, first=20)
    discarded = await runs.discard_queued(database.pool, run.run_id, 0, S.CANCELLED, "stopped")
    assert [(each.state, each.reason, each.count) for each in discarded.moves] == [(S.CANCELLED, "stopped", 2)]
    async with database.transaction() as connection:
        given_up = await runs.give_up_waiting(connection, run.run_id)
    assert {(each.route.provider, each.state, each.count) for each in given_up} == {
        ("twilio", S.UNCONFIRMED, 3),
        ("twilio", S.UNKNOWN, 1),
    }


async def test_claims_of_a_lost_worker_are_told_as_doubted(database: Database) -> None:
    seeded = await ledger.seed_run(database, 2)
    await ledger_claim(database, seeded)
    async with database.transaction() as connection:
        expired = await leases.settle_expired(connection)
    assert [(each.state, each.error_class, each.count) for each in expired.moves] == [
        (S.IN_DOUBT, ErrorClass.UNKNOWN_OUTCOME, 2)
    ]


async def ledger_claim(database: Database, seeded: ledger.Seeded) -> None:
    """Claims all with a lease that has run out."""
    await claim_all(database, seeded, lease=timedelta(seconds=-1))
