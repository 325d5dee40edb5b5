"""What people ask of a run: failures in words, times, single messages."""

import pytest_asyncio

from bench.ledger_seed import SeededRun, seed_run
from heliograph.db import reports
from heliograph.db.counters import read_figures
from heliograph.db.engine import Database
from heliograph.db.pages import PageRequest
from heliograph.domain.ledger import MessageState
from tests.past import seed_messages

S = MessageState


@pytest_asyncio.fixture
async def run(database: Database) -> SeededRun:
    """An active run without messages."""
    return await seed_run(database)


async def failures(database: Database, run: SeededRun) -> list[reports.Failure]:
    """The failures as a report reads them."""
    async with database.pool.acquire() as connection:
        return await reports.read_failures(connection, run.run_id, await read_figures(connection, run.run_id))


async def timings(database: Database, run: SeededRun) -> reports.Timings:
    """The times as a report reads them."""
    async with database.pool.acquire() as connection:
        return await reports.read_timings(connection, run.run_id)


async def numbers(
    database: Database, run: SeededRun, state: MessageState | None, limit: int
) -> tuple[list[list[int]], int]:
    """Every page of a list, and how many pages that were."""
    pages: list[list[int]] = []
    after: int | None = None
    while True:
        async with database.pool.acquire() as connection:
            page = await reports.page_messages(connection, run.run_id, state, PageRequest(limit, after))
        pages.append([item.number for item in page.items])
        if (after := page.next) is None:
            return pages, len(pages)


async def test_failures_are_told_by_code_in_words_most_frequent_first(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 2, S.REJECTED, error_code="21610")
    await seed_messages(database.pool, run, 5, S.UNDELIVERED, first=3, error_code="30003")
    await seed_messages(database.pool, run, 9, S.DELIVERED, first=8)
    await seed_messages(database.pool, run, 1, S.UNCONFIRMED, first=17)
    await database.pool.execute("UPDATE message SET error_message = 'handset off' WHERE error_code = '30003'")
    assert await failures(database, run) == [
        reports.Failure(S.UNDELIVERED, "30003", "unknown_outcome", "handset off", 5),
        reports.Failure(S.REJECTED, "21610", "unknown_outcome", None, 2),
        reports.Failure(S.UNCONFIRMED, "", None, None, 1),
    ]


async def test_a_run_without_failures_has_none(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 3, S.DELIVERED)
    assert await failures(database, run) == []


async def test_times_span_the_first_claim_and_the_last_acceptance(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 11)
    await database.pool.execute(
        """
        UPDATE message SET claimed_at = '2026-01-01T00:00Z'::timestamptz + number * interval '1 s',
            accepted_at = '2026-01-01T00:00Z'::timestamptz + number * interval '2 s',
            final_at = '2026-01-01T00:00Z'::timestamptz + number * interval '5 s',
            state = CASE WHEN number <= 5 THEN 'delivered' ELSE state END
        """
    )
    found = await timings(database, run)
    assert (found.accepted, found.seconds) == (11, 21.0)
    assert found.messages_per_second == 11 / 21
    assert found.claim_to_accept is not None
    assert [round(value, 3) for value in found.claim_to_accept] == [6.0, 10.5, 10.9]
    assert found.accept_to_delivered is not None
    assert found.accept_to_delivered[0] == 9.0


async def test_a_run_in_which_nothing_was_tried_has_no_times(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 3, S.SUPPRESSED, attempt=0)
    found = await timings(database, run)
    assert (found.first_claim, found.claim_to_accept, found.accept_to_delivered) == (None, None, None)
    assert (found.seconds, found.messages_per_second) == (0.0, 0.0)


async def test_a_receipt_dated_before_the_acceptance_takes_no_negative_time(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 1)
    await database.pool.execute("UPDATE message SET state = 'delivered', final_at = accepted_at - interval '1 min'")
    assert (await timings(database, run)).accept_to_delivered == (0.0, 0.0, 0.0)


async def test_pages_show_each_message_once_in_the_order_of_the_audience(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 7)
    assert await numbers(database, run, None, 3) == ([[1, 2, 3], [4, 5, 6], [7]], 3)
    assert await numbers(database, run, None, 7) == ([[1, 2, 3, 4, 5, 6, 7]], 1)


async def test_pages_of_one_state_leave_the_others_out(database: Database, run: SeededRun) -> None:
    await seed_messages(database.pool, run, 6)
    await database.pool.execute("UPDATE message SET state = 'delivered' WHERE number % 2 = 0")
    assert await numbers(database, run, S.DELIVERED, 2) == ([[2, 4], [6]], 2)
    assert await numbers(database, run, S.FAILED, 2) == ([[]], 1)
