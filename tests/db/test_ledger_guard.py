"""The guard of the tests' databases: what it refuses, so that its silence elsewhere means something."""

import asyncpg

from bench.ledger_seed import seed_run
from heliograph.db.engine import Connection, Database
from heliograph.domain.ledger import EDGES, MessageState
from tests.ledger_guard import successors
from tests.past import seed_messages

S = MessageState


async def takes(connection: Connection, statement: str, *arguments: object) -> bool:
    """Whether PostgreSQL takes the statement; it is undone in any case."""
    point = connection.transaction()
    await point.start()
    try:
        await connection.execute(statement, *arguments)
    except asyncpg.CheckViolationError:
        return False
    finally:
        await point.rollback()
    return True


async def test_a_message_moves_along_the_edges_of_the_table_alone(database: Database) -> None:
    run = await seed_run(database)
    reached: dict[MessageState, set[MessageState]] = {}
    async with database.transaction() as connection:
        for number, state in enumerate(S, 1):
            (message,) = await seed_messages(connection, run, 1, state, first=number)
            statement = "UPDATE message SET state = $2::text::message_state WHERE id = $1"
            reached[state] = {other for other in S if await takes(connection, statement, message, other.value)}
    assert reached == {state: successors(state) | {state} for state in S}


async def test_a_receipt_cannot_move_a_message_that_was_never_tried(database: Database) -> None:
    run = await seed_run(database)
    async with database.transaction() as connection:
        await seed_messages(connection, run, 1, S.QUEUED, attempt=0)
        assert not await takes(connection, "UPDATE message SET state = 'delivered'")
        assert await takes(connection, "UPDATE message SET state = 'claimed'")


async def test_a_message_begins_queued_or_excluded(database: Database) -> None:
    run = await seed_run(database)
    async with database.transaction() as connection:
        await seed_messages(connection, run, 1)
        await connection.execute("SET LOCAL heliograph.seeding = 'off'")
        statement = """
            INSERT INTO message (workspace_id, dedupe_key, channel, category, address, state, due_at, attempt,
                status_changed_at, created_at)
            SELECT workspace_id, 'another', channel, category, address, $1::text::message_state, now(), 0, now(), now()
            FROM message
        """
        assert {state for state in S if await takes(connection, statement, state.value)} == EDGES[None]
