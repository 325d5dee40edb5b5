"""What it costs to join parked receipts: it must not grow with what is parked beside them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from bench.ledger_seed import SeededRun, provider_id, seed_run
from heliograph.db import part_names, receipts
from heliograph.db.engine import Connection, Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.db.receipts import IncomingReport
from heliograph.domain.ledger import MessageState
from tests.past import seed_messages


@pytest_asyncio.fixture
async def run(database: Database) -> SeededRun:
    """An active run without messages."""
    return await seed_run(database)


def _unnamed(run: SeededRun, provider_message_ids: Sequence[str]) -> list[IncomingReport]:
    """Delivered, as a provider tells it that names nothing but its own ids."""
    return [
        IncomingReport(
            connector_id=run.connector_id,
            workspace_id=run.workspace_id,
            key=name,
            message_id=None,
            attempt=None,
            part=0,
            status="DELIVERED",
            code="",
            provider_message_id=name,
            state=MessageState.DELIVERED.value,
            error_class=None,
            error_message=None,
            occurred_at=None,
        )
        for name in provider_message_ids
    ]


async def _fetched(connection: Connection) -> int:
    """Receipts that this transaction has read through an index so far."""
    count: int = await connection.fetchval(
        "SELECT coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'receipt'"
    )
    return count


async def _read_from_end_to_end(connection: Connection) -> int:
    """Receipts that this transaction has read without an index."""
    count: int = await connection.fetchval(
        "SELECT coalesce(seq_tup_read, 0) FROM pg_stat_xact_user_tables WHERE relname = 'receipt'"
    )
    return count


_FOUND, _STRANGERS = 60, 1_500


@pytest.mark.parametrize("swept", [False, True])
async def test_a_parked_receipt_is_joined_without_a_look_at_the_others(
    database: Database, run: SeededRun, swept: bool
) -> None:
    ours = [provider_id(number) for number in range(1, _FOUND + 1)]
    strangers = [f"stranger {number}" for number in range(_STRANGERS)]

    async def join(connection: Connection) -> None:
        if swept:
            await receipts.sweep_parked(connection, _FOUND)
        else:
            await receipts.join_parked(connection, run.connector_id, ours)

    async with database.pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await join(connection)  # planned while the tables are empty, as after an installation
        async with connection.transaction():
            await receipts.store_and_fold(connection, _unnamed(run, [*ours, *strangers]))
        await seed_messages(database.pool, run, _FOUND)
        async with connection.transaction():
            await join(connection)
            assert await _fetched(connection) < _STRANGERS + 20 * _FOUND
        await connection.execute("RESET plan_cache_mode")
    assert await database.pool.fetchval("SELECT count(*) FROM message WHERE state = 'delivered'") == _FOUND


async def test_parts_are_named_without_a_look_at_the_others(database: Database, run: SeededRun) -> None:
    [message] = await seed_messages(database.pool, run, 1, MessageState.CLAIMED)
    named = [f"part {number}" for number in range(1, 4)]
    strangers = [f"stranger {number}" for number in range(_STRANGERS)]
    outcome = AttemptOutcome(message, 1, MessageState.ACCEPTED, datetime.now(UTC), "part 1", part_ids=named)

    async with database.pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await part_names.name_parts(connection, run.workspace_id, run.connector_id, [outcome])
        async with connection.transaction():
            await receipts.store_and_fold(connection, _unnamed(run, [*named, *strangers]))
        async with connection.transaction():
            await part_names.name_parts(connection, run.workspace_id, run.connector_id, [outcome])
            assert await _fetched(connection) < 100
        await connection.execute("RESET plan_cache_mode")
    assert await database.pool.fetchval("SELECT count(*) FROM receipt WHERE part > 0") == len(named)


async def test_whether_any_is_parked_is_asked_without_a_look_at_the_others(database: Database, run: SeededRun) -> None:
    ours = [provider_id(number) for number in range(1, _FOUND + 1)]
    strangers = [f"stranger {number}" for number in range(_STRANGERS)]
    async with database.pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        assert not await receipts.any_parked(connection, run.connector_id, ours)
        async with connection.transaction():
            await receipts.store_and_fold(connection, _unnamed(run, strangers))
        async with connection.transaction():
            assert not await receipts.any_parked(connection, run.connector_id, ours)
            assert await _fetched(connection) < _FOUND
            assert await _read_from_end_to_end(connection) == 0
        async with connection.transaction():
            await receipts.store_and_fold(connection, _unnamed(run, ours[-1:]))
        assert await receipts.any_parked(connection, run.connector_id, ours)
        await connection.execute("RESET plan_cache_mode")
