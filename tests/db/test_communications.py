"""Communications by filter: nothing twice, nothing missing, and never much work at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from heliograph.db.communications import (
    EXAMINED,
    LAST_ID,
    Search,
    Window,
    WindowStatement,
    count_examined,
    plan_search,
    read_window,
)
from heliograph.db.engine import Database
from heliograph.domain.communications import CommunicationFilters, CommunicationStatus
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Channel
from heliograph.ids import first_id_at, instant_of, new_id
from tests.db.large_ledger import LargeLedger, seed_large_ledger
from tests.db.ledger import seed_run
from tests.past import seed_messages

MILLION = 1_000_000
BLOCKS_OF_A_PAGE = 1_000
BLOCKS_OF_A_WINDOW = 8_000
"""A window over 50,000 messages side by side reads about 3,500; the whole ledger has more than 60,000."""


async def windows(
    database: Database, workspace_id: UUID, filters: CommunicationFilters, *, limit: int, examined: int = EXAMINED
) -> list[Window]:
    found, below = [], LAST_ID
    async with database.pool.acquire() as connection:
        search = await plan_search(connection, workspace_id, filters)
        while True:
            window = await read_window(connection, workspace_id, search, below=below, limit=limit, examined=examined)
            found.append(window)
            if window.next is None:
                return found
            assert window.next < below, "the search does not advance"
            below = window.next


def ids(found: Sequence[Window]) -> list[UUID]:
    return [row["id"] for window in found for row in window.rows]


async def test_an_id_tells_its_time_and_bounds_a_range() -> None:
    made = new_id()
    moment = instant_of(made)
    assert first_id_at(moment) <= made < first_id_at(moment + timedelta(milliseconds=1))
    assert first_id_at(moment + timedelta(microseconds=1)) > made


@pytest.mark.parametrize(("limit", "examined"), [(7, 10_000), (1_000, 30), (5, 5), (3, 100)])
async def test_windows_of_any_size_together_hold_each_message_once_newest_first(
    database: Database, limit: int, examined: int
) -> None:
    run = await seed_run(database, 100)
    expected = [
        row["id"]
        for row in await database.pool.fetch(
            "SELECT id FROM message WHERE workspace_id = $1 ORDER BY id DESC", run.workspace_id
        )
    ]
    found = await windows(database, run.workspace_id, CommunicationFilters(), limit=limit, examined=examined)
    assert ids(found) == expected
    assert all(window.examined <= examined for window in found)


async def test_rare_ones_are_found_over_windows_that_are_not_full(database: Database) -> None:
    run = await seed_run(database, 0)
    (first,) = await seed_messages(database.pool, run, 1, MessageState.FAILED)
    await seed_messages(database.pool, run, 200, MessageState.DELIVERED, first=2)
    filters = CommunicationFilters(status=CommunicationStatus.ERROR)
    found = await windows(database, run.workspace_id, filters, limit=10, examined=50)
    assert ids(found) == [first]
    assert [len(window.rows) for window in found[:4]] == [0, 0, 0, 0]


async def test_each_filter_means_what_it_says(database: Database) -> None:
    run = await seed_run(database, 0)
    other = await seed_run(database, 3)
    sent = await seed_messages(database.pool, run, 3, MessageState.DELIVERED)
    (failed,) = await seed_messages(database.pool, run, 1, MessageState.FAILED, first=4, error_code="30005")
    template_id = await database.pool.fetchval("SELECT id FROM template WHERE workspace_id = $1", run.workspace_id)

    async def found(**filters: Any) -> set[UUID]:
        return set(ids(await windows(database, run.workspace_id, CommunicationFilters(**filters), limit=2)))

    everything = {*sent, failed}
    assert await found() == everything
    assert await found(status="error") == {failed}
    assert await found(status="success") == set(sent)
    assert await found(status="pending") == set()
    assert await found(channel=Channel.SMS) == everything
    assert await found(channel=Channel.EMAIL) == set()
    assert await found(address="+14150000002") == {sent[1]}
    assert await found(run_id=run.run_id, status="error") == {failed}
    assert await found(campaign_id=run.campaign_id) == everything
    assert await found(template_id=template_id) == everything
    assert await found(template_id=template_id, campaign_id=other.campaign_id) == set()
    assert await found(run_id=other.run_id) == set()  # of another workspace
    assert await found(since=instant_of(failed), until=instant_of(failed)) == set()
    assert failed in await found(since=instant_of(failed))
    assert failed not in await found(until=instant_of(failed))


async def test_a_row_names_what_it_belongs_to(database: Database) -> None:
    run = await seed_run(database, 0)
    (failed,) = await seed_messages(database.pool, run, 1, MessageState.FAILED, error_code="30005")
    ((row,),) = [window.rows for window in await windows(database, run.workspace_id, CommunicationFilters(), limit=9)]
    assert (row["id"], row["state"], row["error_code"]) == (failed, "failed", "30005")
    assert (row["campaign"], row["template"], row["template_version"]) == ("Spring", "Greeting", 1)
    assert (row["connector"], row["provider"], row["sender"]) == ("Twilio", "twilio", "+14155550100")
    assert row["created_at"] == instant_of(failed)


async def test_no_filter_reads_much_of_a_million_messages(database: Database) -> None:
    ledger = await seed_large_ledger(database, MILLION)
    middle = ledger.begin + timedelta(days=15)
    for given, most in (
        ({}, BLOCKS_OF_A_PAGE),
        ({"channel": "sms"}, BLOCKS_OF_A_PAGE),
        ({"channel": "email"}, BLOCKS_OF_A_WINDOW),
        ({"status": "success"}, BLOCKS_OF_A_PAGE),
        ({"status": "error"}, BLOCKS_OF_A_WINDOW),
        ({"from": middle, "until": middle + timedelta(hours=1)}, BLOCKS_OF_A_PAGE),
        ({"until": middle, "status": "error"}, BLOCKS_OF_A_WINDOW),
        ({"address": "+14150123456"}, BLOCKS_OF_A_PAGE),
        ({"run_id": ledger.large_run}, BLOCKS_OF_A_PAGE),
        ({"run_id": ledger.large_run, "status": "error"}, BLOCKS_OF_A_WINDOW),
        ({"run_id": ledger.small_run}, BLOCKS_OF_A_WINDOW),
        ({"campaign_id": ledger.campaign_id}, BLOCKS_OF_A_PAGE),
        ({"template_id": ledger.template_id}, BLOCKS_OF_A_PAGE),
        ({"campaign_id": ledger.campaign_id, "channel": "email", "status": "error"}, BLOCKS_OF_A_WINDOW),
    ):
        read = await blocks_of_first_page(database, ledger, CommunicationFilters.model_validate(given))
        assert read <= most, (given, read)


async def blocks_of_first_page(database: Database, ledger: LargeLedger, filters: CommunicationFilters) -> int:
    """Blocks that PostgreSQL looks at for the first page, by its own account."""
    async with database.pool.acquire() as connection:
        search = await plan_search(connection, ledger.workspace_id, filters)
        statement = WindowStatement(ledger.workspace_id, search, search.spans[0], EXAMINED, 50)
        read = 0
        async with connection.transaction():
            await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            for sql, arguments in (
                (statement.rows, statement.arguments),
                (statement.last, statement.inner_arguments),
            ):
                (told,) = await connection.fetchrow(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *arguments)
                plan = orjson.loads(told)[0]["Plan"]
                read += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
                if plan["Actual Rows"] == 50:
                    break
        return read


async def test_the_count_for_progress_is_that_of_the_windows(database: Database) -> None:
    run = await seed_run(database, 60)
    async with database.pool.acquire() as connection:
        search: Search = await plan_search(connection, run.workspace_id, CommunicationFilters(run_id=run.run_id))
        total = await count_examined(connection, run.workspace_id, search, below=LAST_ID)
    found = await windows(database, run.workspace_id, CommunicationFilters(run_id=run.run_id), limit=7)
    assert total == sum(window.examined for window in found) == 60
