"""The ledger's open ends for the gauges of telemetry: open runs' counters, outbox, parked receipts."""

from datetime import timedelta

from heliograph.db.engine import Connection
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.telemetry.figures import LedgerFigures
from heliograph.telemetry.metrics import Route

_OPEN_MESSAGES = """
    SELECT connector.provider, run.channel::text, run.category::text, counter.state::text,
           sum(counter.count)::bigint AS count
    FROM run
    JOIN connector ON connector.id = run.connector_id
    JOIN run_counter AS counter ON counter.run_id = run.id
    WHERE run.status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')
      AND counter.state IN ('queued', 'claimed', 'in_doubt', 'accepted', 'sent')
    GROUP BY 1, 2, 3, 4
"""
"""Open runs come from their partial index; each has a few dozen counter rows, whatever its size."""

_OPEN_RUNS = """
    SELECT status::text, category::text, count(*) AS count FROM run
    WHERE status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING') GROUP BY 1, 2
"""

_WAITING = """
    SELECT (SELECT count(*) FROM outbox) AS outbox_depth,
           (SELECT greatest(now() - min(available_at), interval '0') FROM outbox) AS outbox_age,
           (SELECT count(*) FROM receipt WHERE message_id IS NULL) AS parked
"""
"""Dispatched outbox rows are deleted, and parked receipts have their own index: both are small when all is well."""


async def read_ledger_figures(connection: Connection) -> LedgerFigures:
    """The figures now."""
    messages = await connection.fetch(_OPEN_MESSAGES)
    runs = await connection.fetch(_OPEN_RUNS)
    waiting = await connection.fetchrow(_WAITING)
    return LedgerFigures(
        messages={
            (
                Route(row["provider"], Channel(row["channel"]), Category(row["category"])),
                MessageState(row["state"]),
            ): row["count"]
            for row in messages
        },
        open_runs={(RunStatus(row["status"]), Category(row["category"])): row["count"] for row in runs},
        outbox_depth=waiting["outbox_depth"],
        outbox_age=waiting["outbox_age"] or timedelta(0),
        parked_receipts=waiting["parked"],
    )
