"""Receipts grouped into commits, polled for, and looked up when a message is in doubt."""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from bench.ledger_seed import SeededRun, provider_id, seed_run
from heliograph.db import runs
from heliograph.db.engine import Database
from heliograph.db.receipts import IncomingReport, StoredReceipts
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, ErrorClass
from heliograph.errors import InvalidInput, NotFound, Unavailable, UpstreamFailed
from heliograph.providers.protocol import Capabilities, ProviderError, StatusReport
from heliograph.providers.registry import provider
from heliograph.secrets import KeyRing
from heliograph.services.connections import Connections
from heliograph.services.in_doubt import resolve_in_doubt
from heliograph.services.inbox import ConnectorInbox
from heliograph.services.polling import poll_run
from heliograph.services.receipt_batcher import ReceiptBatcher
from heliograph.services.receipts import Stored, store, to_incoming
from heliograph.settings import Settings
from tests.past import seed_messages

S = MessageState
_DELIVERED = partial(StatusReport, provider_status="delivered", state=S.DELIVERED)


class ScriptedProvider:
    """Stands for the provider's side: what it has, by id and by number."""

    def __init__(self, known: dict[str, StatusReport] | None = None) -> None:
        self.known = known or {}
        self.found: dict[str, list[StatusReport]] = {}
        self.away = False

    async def poll(self, provider_message_id: str) -> StatusReport:
        """What it has."""
        if self.away:
            raise UpstreamFailed("away")
        if provider_message_id not in self.known:
            raise NotFound("unknown there")
        return self.known[provider_message_id]

    async def look_up(self, *, to: str, since: datetime, **_: Any) -> Sequence[StatusReport]:
        """What it has for a number."""
        if self.away:
            raise UpstreamFailed("away")
        return self.found.get(to, [])


class ScriptedConnections(Connections):
    """Every connector leads to the scripted provider."""

    def __init__(self, database: Database, provider: ScriptedProvider) -> None:
        super().__init__(database, KeyRing({}), Settings(), partial(ConnectorInbox, database))
        self._provider = provider

    async def get(self, connector_id: UUID) -> Any:
        """The scripted provider."""
        return self._provider

    def capabilities(self, connector_id: UUID) -> Capabilities:
        """It can do what Twilio can."""
        return provider("twilio").capabilities


def incoming(run: SeededRun, message_id: UUID, *, status: str = "delivered", part: int = 0) -> IncomingReport:
    """A report with our reference."""
    report = StatusReport(f"SM{uuid4().hex}", status, S.DELIVERED, (message_id, 1), part)
    return to_incoming(run.workspace_id, run.connector_id, report)


async def states(database: Database, run: SeededRun) -> list[str]:
    """The states in the order of the messages; the counters must agree with them."""
    async with database.pool.acquire() as connection:
        books = await runs.read_books(connection, run.run_id)
        assert books.ledger == books.counters
        rows = await connection.fetch("SELECT state::text FROM message WHERE run_id = $1 ORDER BY number", run.run_id)
    return [row["state"] for row in rows]


async def test_a_caller_hears_when_its_receipts_are_committed(database: Database) -> None:
    run = await seed_run(database)
    ids = await seed_messages(database.pool, run, 50)
    batcher = ReceiptBatcher(partial(store, database))

    async def call(message_id: UUID) -> str:
        await batcher.add([incoming(run, message_id)])
        state: str = await database.pool.fetchval("SELECT state::text FROM message WHERE id = $1", message_id)
        return state

    assert set(await asyncio.gather(*(call(id) for id in ids))) == {"delivered"}
    await batcher.aclose()


async def test_closing_commits_what_waits_and_takes_nothing_more(database: Database) -> None:
    run = await seed_run(database)
    [message] = await seed_messages(database.pool, run, 1)
    batcher = ReceiptBatcher(partial(store, database), linger_seconds=60)
    waiting = asyncio.create_task(batcher.add([incoming(run, message)]))
    await asyncio.sleep(0)
    await batcher.aclose()
    await waiting
    assert await states(database, run) == ["delivered"]
    with pytest.raises(Unavailable):
        await batcher.add([incoming(run, message)])


async def test_many_receipts_need_few_commits(database: Database) -> None:
    run = await seed_run(database)
    ids = await seed_messages(database.pool, run, 200)
    sizes: list[int] = []

    async def counted(reports: Sequence[IncomingReport]) -> Stored:
        sizes.append(len(reports))
        return await store(database, reports)

    batcher = ReceiptBatcher(counted, flush_at=100)
    await asyncio.gather(*(batcher.add([incoming(run, id)]) for id in ids))
    assert sizes == [100, 100]


async def test_what_has_piled_up_is_committed_part_by_part() -> None:
    run = SeededRun(uuid4(), uuid4(), "", uuid4(), uuid4(), uuid4(), uuid4())
    sizes: list[int] = []

    async def first_one_fails(reports: Sequence[IncomingReport]) -> Stored:
        sizes.append(len(reports))
        if len(sizes) == 1:
            raise TimeoutError
        return Stored(StoredReceipts())

    batcher = ReceiptBatcher(first_one_fails, most=100)
    calls = [batcher.add([incoming(run, uuid4())] * size) for size in (60, 60, 30, 250, 10)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sizes == [60, 90, 250, 10]
    assert [isinstance(result, Unavailable) for result in results] == [True, False, False, False, False]


@pytest.mark.parametrize("poison", [{"status": "nul\0"}, {"status": os.urandom(5_000).hex()}, {"part": 100_000}])
async def test_a_receipt_that_cannot_be_stored_is_split_off_alone(database: Database, poison: Any) -> None:
    run = await seed_run(database)
    ids = await seed_messages(database.pool, run, 20)
    reports = [incoming(run, id, **(poison if number == 7 else {})) for number, id in enumerate(ids)]
    batcher = ReceiptBatcher(partial(store, database))
    results = await asyncio.gather(*(batcher.add([report]) for report in reports), return_exceptions=True)
    assert [number for number, result in enumerate(results) if result is not None] == [7]
    assert isinstance(results[7], InvalidInput)
    assert (await states(database, run)).count("delivered") == 19


async def test_callers_are_told_when_the_database_is_away() -> None:
    async def away(_: Sequence[IncomingReport]) -> Stored:
        raise ConnectionRefusedError

    batcher = ReceiptBatcher(away)
    run = SeededRun(uuid4(), uuid4(), "", uuid4(), uuid4(), uuid4(), uuid4())
    with pytest.raises(Unavailable):
        await batcher.add([incoming(run, uuid4())])


async def test_polling_finds_the_final_words_that_no_receipt_brought(database: Database) -> None:
    run = await seed_run(database)
    await seed_messages(database.pool, run, 250)
    failed = StatusReport(
        provider_id(2), "failed", S.FAILED, error=ProviderError(ErrorClass.DELIVERY, "30008", "unknown")
    )
    known = {provider_id(number): _DELIVERED(provider_id(number)) for number in range(3, 251)}
    connections = ScriptedConnections(database, ScriptedProvider({**known, provider_id(2): failed}))
    polled = await poll_run(database, connections, run.workspace_id, run.run_id)
    assert (polled.asked, polled.answered, polled.moved) == (250, 249, 249)
    assert await states(database, run) == ["accepted", "failed", *["delivered"] * 248]
    assert (await poll_run(database, connections, run.workspace_id, run.run_id)).moved == 0


async def test_a_poll_ends_early_when_the_provider_is_away(database: Database) -> None:
    run = await seed_run(database)
    await seed_messages(database.pool, run, 450)
    provider = ScriptedProvider()
    provider.away = True
    polled = await poll_run(database, ScriptedConnections(database, provider), run.workspace_id, run.run_id)
    assert (polled.asked, polled.answered) == (200, 0)


async def _doubted(database: Database, category: Category, attempt: int = 1) -> SeededRun:
    run = await seed_run(database, category=category)
    await seed_messages(
        database.pool, run, 1, S.IN_DOUBT, attempt=attempt, error_code="lease_expired", age=timedelta(minutes=10)
    )
    return run


@pytest.mark.parametrize(
    ("category", "attempt", "expected"),
    [
        (Category.PROMOTIONAL, 1, "unknown"),
        (Category.TRANSACTIONAL, 1, "queued"),
        (Category.OTP, 1, "queued"),
        (Category.TRANSACTIONAL, 2, "unknown"),
    ],
)
async def test_what_the_provider_does_not_have_is_decided_by_its_category(
    database: Database, category: Category, attempt: int, expected: str
) -> None:
    run = await _doubted(database, category, attempt)
    connections = ScriptedConnections(database, ScriptedProvider())
    assert await resolve_in_doubt(database, connections, Settings()) == 1
    assert await states(database, run) == [expected]
    assert await resolve_in_doubt(database, connections, Settings()) == 0


async def test_what_the_provider_has_is_accepted_and_never_sent_again(database: Database) -> None:
    run = await _doubted(database, Category.TRANSACTIONAL)
    provider = ScriptedProvider()
    provider.found["+14150000001"] = [_DELIVERED("SMfound")]
    assert await resolve_in_doubt(database, ScriptedConnections(database, provider), Settings()) == 1
    assert await states(database, run) == ["delivered"]
    assert await database.pool.fetchval("SELECT provider_message_id FROM message") == "SMfound"


async def test_a_message_of_another_row_is_not_taken_for_ours(database: Database) -> None:
    run = await _doubted(database, Category.PROMOTIONAL)
    await seed_messages(database.pool, run, 1, first=2)
    provider = ScriptedProvider()
    provider.found["+14150000001"] = [_DELIVERED(provider_id(2))]
    await resolve_in_doubt(database, ScriptedConnections(database, provider), Settings())
    assert await states(database, run) == ["unknown", "accepted"]


async def test_a_message_stays_in_doubt_while_the_provider_is_away_or_its_time_has_not_come(
    database: Database,
) -> None:
    run = await _doubted(database, Category.TRANSACTIONAL)
    provider = ScriptedProvider()
    connections = ScriptedConnections(database, provider)
    assert await resolve_in_doubt(database, connections, Settings(in_doubt_seconds=3600)) == 0
    provider.away = True
    assert await resolve_in_doubt(database, connections, Settings()) == 0
    assert await states(database, run) == ["in_doubt"]
