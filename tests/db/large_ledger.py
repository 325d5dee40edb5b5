"""A ledger that is large enough for a bad plan to show, written in seconds: beside triggers and foreign keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from bench.ledger_seed import seed_run
from heliograph.db.engine import Connection, Database
from heliograph.domain.vocabulary import RunStatus

PERIOD: Final = timedelta(days=30)
"""Over which the messages were written, evenly; it ends now."""


@dataclass(frozen=True)
class LargeLedger:
    """One workspace: a run with nearly everything, one with a tenth of a per cent, and a few direct e-mails."""

    workspace_id: UUID
    large_run: UUID
    small_run: UUID
    campaign_id: UUID
    template_id: UUID
    begin: datetime
    messages: int


async def seed_large_ledger(database: Database, messages: int) -> LargeLedger:
    """Every thousandth message belongs to the small run, every ten-thousandth is an e-mail, and one is an error."""
    run = await seed_run(database, status=RunStatus.COMPLETED, source_rows=messages)
    small_run = uuid4()
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        begin = await connection.fetchval("SELECT now() - $1::interval", PERIOD)
        await connection.execute("UPDATE run SET created_at = $2 WHERE id = $1", run.run_id, begin)
        await _copy_run(connection, run.run_id, small_run, messages // 1_000)
        indexes = await connection.fetch(_INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        await connection.execute(_MESSAGES, run.run_id, small_run, messages, PERIOD)
        for index in indexes:  # sorted at once: in a fraction of the time that row by row takes
            await connection.execute(index["definition"])
    await database.pool.execute("VACUUM ANALYZE message")
    template_id = await database.pool.fetchval("SELECT id FROM template")
    return LargeLedger(run.workspace_id, run.run_id, small_run, run.campaign_id, template_id, begin, messages)


async def _copy_run(connection: Connection, run_id: UUID, copy_id: UUID, source_rows: int) -> None:
    await connection.execute(
        """
        INSERT INTO run SELECT (jsonb_populate_record(
            run, jsonb_build_object('id', $2::uuid, 'source_rows', $3::bigint, 'campaign_id', gen_random_uuid())
        )).* FROM run WHERE id = $1
        """,
        run_id,
        copy_id,
        source_rows,
    )


_INDEXES: Final = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = 'message'::regclass AND NOT indisunique
"""

_MESSAGES: Final = """
INSERT INTO message (
    workspace_id, id, dedupe_key, run_id, wave, number, channel, category, address, state, due_at, attempt,
    connector_id, sender_id, error_code, body, parts, status_changed_at, created_at
)
SELECT run.workspace_id, uuidv7(($4::interval / $3::bigint) * (n - $3::bigint)), 'seed:' || n,
    CASE WHEN n % 10000 = 0 THEN NULL WHEN n % 1000 = 1 THEN $2::uuid ELSE run.id END, 1, n,
    CASE WHEN n % 10000 = 0 THEN 'email' ELSE 'sms' END::channel, 'promotional',
    CASE WHEN n % 10000 = 0 THEN 'someone' || n || '@example.com' ELSE '+1415' || lpad(n::text, 7, '0') END,
    CASE WHEN n = 7 THEN 'failed' ELSE 'delivered' END::message_state, now(), 1,
    run.connector_id, run.sender_id, CASE WHEN n = 7 THEN '30005' END, 'Hello', 1, now(), now()
FROM run, generate_series(1::bigint, $3::bigint) AS n
WHERE run.id = $1 ORDER BY n
"""
