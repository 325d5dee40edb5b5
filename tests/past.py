"""Messages that have a past: inserted in the middle of their lives, beside the guard of the ledger."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from bench import ledger_seed
from bench.ledger_seed import SeededRun
from heliograph.db.engine import Connection, Pool
from heliograph.domain.ledger import MessageState
from tests.ledger_guard import allow_seeding


async def seed_messages(
    opened: Pool | Connection, run: SeededRun, count: int, state: MessageState = MessageState.ACCEPTED, **more: Any
) -> Sequence[UUID]:
    """`bench.ledger_seed.seed_messages` in a database whose ledger is guarded; a connection is in a transaction."""
    if isinstance(opened, asyncpg.Pool):
        async with opened.acquire() as connection, connection.transaction():
            return await seed_messages(connection, run, count, state, **more)
    await allow_seeding(opened)
    return await ledger_seed.seed_messages(opened, run, count, state, **more)
