"""The recorder: grouped commits that lose nothing while PostgreSQL goes away, and free what they recorded once."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from heliograph.db import claims, pacing, runs
from heliograph.db.claims import Claim, Rendered
from heliograph.db.engine import Database, open_database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass, RunStatus
from heliograph.services.recording import BatchInFlight, Recorder
from heliograph.telemetry.metrics import Route
from tests.db.ledger import Seeded, seed_run

S = MessageState


left_by_cuts = pytest.mark.filterwarnings("ignore:unclosed connection:ResourceWarning")
"""asyncpg forgets to close a connection that is cut while it is being made ready."""


@pytest.fixture
def rubbish() -> Iterator[None]:
    """Asked for first, so that what the test left is collected last, and where it is expected."""
    yield
    gc.collect()


class Freed:
    """What the recorder told its owner."""

    def __init__(self) -> None:
        self.count = 0

    async def recorded(self, batch: BatchInFlight, count: int) -> None:
        """As the sending engine does."""
        batch.finished(count)
        self.count += count


@asynccontextmanager
async def recording(database: Database) -> AsyncIterator[tuple[Recorder, Freed]]:
    """A recorder that is closed at the end."""
    freed = Freed()
    recorder = Recorder(database, freed.recorded)
    yield recorder, freed
    await recorder.aclose()


async def claimed_batch(database: Database, run: Seeded) -> tuple[BatchInFlight, list[Claim]]:
    """Everything that waits, claimed."""
    found = await claims.candidates(database.pool, run.run_id, 1, 1, 10_000, 10_000)
    claim = await claims.claim(
        database.pool,
        workspace_id=run.workspace_id,
        run_id=run.run_id,
        wave=1,
        first=1,
        last=10_000,
        rendered=[Rendered(item.id, "Hello", 1) for item in found],
        lease=timedelta(minutes=5),
        connector_id=run.connector_id,
        sender_id=run.sender_id,
    )
    taken = claim.claimed
    route = Route("twilio", Channel.SMS, Category.PROMOTIONAL)
    batch = BatchInFlight(run.workspace_id, run.run_id, run.connector_id, route)
    batch.started(len(taken))
    return batch, taken


def answer(claim: Claim, state: MessageState = S.ACCEPTED, error_class: ErrorClass | None = None) -> AttemptOutcome:
    """What became of a try."""
    now = datetime.now(UTC)
    due = now + timedelta(hours=1) if state is S.QUEUED else None
    sid = f"SM{uuid4().hex}" if state is S.ACCEPTED else None
    code = "1" if error_class else None
    return AttemptOutcome(
        claim.id, claim.attempt, state, now, sid, due_at=due, error_class=error_class, error_code=code
    )


async def assert_booked(database: Database, run: Seeded, **expected: int) -> None:
    """The ledger holds exactly these states, and the counters agree."""
    async with database.pool.acquire() as connection:
        books = await runs.read_books(connection, run.run_id)
    assert books.balanced(), books
    assert {figure.state.value: figure.count for figure in books.ledger} == expected


async def terminate_backends(url: str, *, times: int) -> None:
    """Cuts every other connection to the database, again and again."""
    connection = await asyncpg.connect(url)
    for _ in range(times):
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.01)
    await connection.close()


async def test_what_is_handed_over_is_committed_and_freed_once(database: Database) -> None:
    run = await seed_run(database, 200)
    batch, taken = await claimed_batch(database, run)
    async with recording(database) as (recorder, freed):
        for claim in taken:
            recorder.add(batch, answer(claim))
        await batch.drained()
        assert freed.count == 200
    await assert_booked(database, run, accepted=200)


async def test_closing_commits_what_was_just_handed_over(database: Database) -> None:
    run = await seed_run(database, 3)
    batch, taken = await claimed_batch(database, run)
    async with recording(database) as (recorder, freed):
        for claim in taken:
            recorder.add(batch, answer(claim))
    assert freed.count == 3
    await assert_booked(database, run, accepted=3)


@left_by_cuts
async def test_nothing_is_lost_or_counted_twice_while_connections_are_cut(
    rubbish: None, database: Database, database_url: str
) -> None:
    """A cut may hit before, in or after a commit: the recorder cannot tell, and must not have to."""
    run = await seed_run(database, 600)
    batch, taken = await claimed_batch(database, run)
    states = (S.ACCEPTED, S.REJECTED, S.IN_DOUBT, S.QUEUED)
    async with recording(database) as (recorder, freed):
        cutting = asyncio.create_task(terminate_backends(database_url, times=40))
        for number, claim in enumerate(taken):
            recorder.add(batch, answer(claim, states[number % 4]))
            if number % 8 == 0:
                await asyncio.sleep(0.005)
        await cutting
        await batch.drained()
        assert freed.count == 600
    await assert_booked(database, run, accepted=150, rejected=150, in_doubt=150, queued=150)


@left_by_cuts
async def test_answers_wait_while_postgresql_refuses_connections(
    rubbish: None, database: Database, database_url: str
) -> None:
    run = await seed_run(database, 5)
    batch, taken = await claimed_batch(database, run)
    name = database_url.rsplit("/", 1)[1]
    keeper = await asyncpg.connect(database_url.rsplit("/", 1)[0] + "/postgres")
    async with recording(database) as (recorder, freed):
        await keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await keeper.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        for claim in taken:
            recorder.add(batch, answer(claim))
        with suppress(TimeoutError):
            await asyncio.wait_for(batch.drained(), 0.3)
        assert freed.count == 0
        await keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await batch.drained()
        assert freed.count == 5
    await keeper.close()
    await assert_booked(database, run, accepted=5)


async def test_an_answer_that_cannot_be_stored_is_left_to_its_lease_and_stops_no_other(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    run = await seed_run(database, 40)
    batch, taken = await claimed_batch(database, run)
    async with recording(database) as (recorder, freed):
        for number, claim in enumerate(taken):
            good = answer(claim)
            poisoned = AttemptOutcome(good.message_id, good.attempt, good.state, good.answered_at, "SM\x00")
            recorder.add(batch, poisoned if number in {3, 30} else good)
        await asyncio.wait_for(batch.drained(), 30)
        assert freed.count == 40
        assert caplog.text.count("an outcome cannot be recorded") == 2
    await assert_booked(database, run, accepted=38, claimed=2)


async def test_two_runs_at_once_are_recorded_each_in_its_own_commit(database: Database) -> None:
    first, second = await seed_run(database, 30), await seed_run(database, 20)
    batches = [await claimed_batch(database, run) for run in (first, second)]
    async with recording(database) as (recorder, freed):
        for batch, taken in batches:
            for claim in taken:
                recorder.add(batch, answer(claim))
        await asyncio.gather(*(batch.drained() for batch, _ in batches))
        assert freed.count == 50
    await assert_booked(database, first, accepted=30)
    await assert_booked(database, second, accepted=20)


# -- what follows from the answers, in their commit


async def test_a_refused_account_pauses_the_run_with_the_reason(database: Database) -> None:
    run = await seed_run(database, 2)
    batch, taken = await claimed_batch(database, run)
    async with recording(database) as (recorder, _):
        for claim in taken:
            recorder.add(batch, answer(claim, S.QUEUED, ErrorClass.AUTH))
        await batch.drained()
    row = await database.pool.fetchrow(
        "SELECT run.status, pause_reason, campaign.status AS campaign"
        " FROM run JOIN campaign ON campaign.id = campaign_id"
    )
    assert (row["status"], row["campaign"]) == (RunStatus.PAUSED, "PAUSED")
    assert row["pause_reason"].startswith("the provider refuses the account")


async def test_more_doubt_than_the_limit_pauses_the_run(database: Database) -> None:
    run = await seed_run(database, 4, in_doubt_limit=2)
    batch, taken = await claimed_batch(database, run)
    status = "SELECT status::text FROM run"
    async with recording(database) as (recorder, _):
        for number, claim in enumerate(taken):
            recorder.add(batch, answer(claim, S.IN_DOUBT, ErrorClass.UNKNOWN_OUTCOME))
            if number == 1:
                await asyncio.sleep(0.2)
                assert await database.pool.fetchval(status) == "ACTIVE"
        await batch.drained()
    assert await database.pool.fetchval(status) == "PAUSED"


async def test_a_stop_that_the_provider_tells_is_a_suppression_for_that_sender(database: Database) -> None:
    run = await seed_run(database, 1)
    batch, taken = await claimed_batch(database, run)
    async with recording(database) as (recorder, _):
        recorder.add(batch, answer(taken[0], S.REJECTED, ErrorClass.OPT_OUT))
        await batch.drained()
    row = await database.pool.fetchrow("SELECT address, sender_id, reason, source FROM suppression")
    assert tuple(row) == ("+14150000001", run.sender_id, "opt_out", "provider 1")


async def test_a_rate_limit_of_the_provider_holds_its_connector(database: Database, database_url: str) -> None:
    run = await seed_run(database, 1)
    batch, taken = await claimed_batch(database, run)
    async with recording(database) as (recorder, _):
        recorder.add(batch, answer(taken[0], S.QUEUED, ErrorClass.RATE_LIMITED))
        await batch.drained()
    async with open_database(database_url) as another_process:
        assert await pacing.blocked_until(another_process.pool, f"connector/{run.connector_id}") is not None
