"""Idempotency keys in SQL. A key is inserted by the commit that makes its change (`services.context.audit`)."""

from datetime import timedelta
from uuid import UUID

from heliograph.db.engine import Connection, Database
from heliograph.db.tables import IdempotencyKey

LIFETIME = timedelta(hours=24)


async def find_key(connection: Connection, workspace_id: UUID, key: str) -> IdempotencyKey | None:
    """The key, if it has been used and is still alive. An expired one makes room for a new use."""
    await connection.execute(
        "DELETE FROM idempotency_key WHERE workspace_id = $1 AND key = $2 AND created_at < now() - $3::interval",
        workspace_id,
        key,
        LIFETIME,
    )
    row = await connection.fetchrow(
        """
        SELECT workspace_id, key, request_digest, status, noun_id, secret, body, created_at
        FROM idempotency_key WHERE workspace_id = $1 AND key = $2
        """,
        workspace_id,
        key,
    )
    return IdempotencyKey(**row) if row else None


async def store_answer(connection: Connection, workspace_id: UUID, key: str, body: bytes) -> None:
    """Keeps the (sealed) answer as it was given; an answer that already stands is not replaced."""
    await connection.execute(
        "UPDATE idempotency_key SET body = $3 WHERE workspace_id = $1 AND key = $2 AND body IS NULL",
        workspace_id,
        key,
        body,
    )


async def delete_expired_keys(database: Database, *, older_than: timedelta = LIFETIME) -> int:
    """Removes keys past their life, with the answers they hold; how many. For the sweeper."""
    async with database.pool.acquire() as connection:
        done: str = await connection.execute(
            "DELETE FROM idempotency_key WHERE created_at < now() - $1::interval", older_than
        )
    return int(done.rsplit(" ", 1)[1])
