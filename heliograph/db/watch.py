"""What the watchdog keeps of a connector: the last receipt that came by itself, and since when one is waited for."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from heliograph.db.engine import Connection, Pool

_SLACK = "interval '10 seconds'"
"""Processes write at most every few seconds, so `heard_at` may be that much too early: an acceptance so shortly after
it is taken to have been heard of."""

_ACCEPTED = f"""
INSERT INTO connector_watch AS known (connector_id, workspace_id, waiting_since) VALUES ($1, $2, now())
ON CONFLICT (connector_id) DO UPDATE SET waiting_since = excluded.waiting_since
WHERE known.waiting_since IS NULL OR known.waiting_since < known.heard_at + {_SLACK}
"""
_HEARD = """
INSERT INTO connector_watch (connector_id, workspace_id, heard_at) VALUES ($1, $2, now())
ON CONFLICT (connector_id) DO UPDATE SET heard_at = excluded.heard_at
"""
_REFUSED = """
INSERT INTO connector_watch (connector_id, workspace_id, refused_at) VALUES ($1, $2, now())
ON CONFLICT (connector_id) DO UPDATE SET refused_at = excluded.refused_at
"""


async def note_accepted(pool: Pool, workspace_id: UUID, connector_id: UUID) -> None:
    """A message was accepted. Who is waited for already stays as it is."""
    await pool.execute(_ACCEPTED, connector_id, workspace_id)


async def note_heard(pool: Pool, workspace_id: UUID, connector_id: UUID) -> None:
    """A receipt came, and was committed."""
    await pool.execute(_HEARD, connector_id, workspace_id)


async def note_refused(pool: Pool, workspace_id: UUID, connector_id: UUID) -> None:
    """A callback came whose signature was wrong."""
    await pool.execute(_REFUSED, connector_id, workspace_id)


@dataclass(frozen=True, slots=True)
class Silence:
    """A connector that takes messages and tells nothing of them."""

    workspace_id: UUID
    connector_id: UUID
    name: str
    provider: str
    lasting: timedelta
    refused: bool  # callbacks came meanwhile, and their signature was wrong


async def read_silences(
    connection: Pool | Connection, after: timedelta, until: timedelta, workspace_id: UUID | None = None
) -> list[Silence]:
    """Connectors that are silent for longer than `after`; those for longer than `until` are not waited for any more.

    Reads a row a connector.
    """
    rows = await connection.fetch(
        f"""
        SELECT watch.workspace_id, connector_id, connector.name, connector.provider,
            now() - waiting_since AS lasting, coalesce(refused_at >= waiting_since, false) AS refused
        FROM connector_watch AS watch
        JOIN connector ON connector.id = watch.connector_id
            AND connector.deleted_at IS NULL AND connector.sealed_credentials IS NOT NULL
        WHERE waiting_since BETWEEN now() - $2::interval AND now() - $1::interval
          AND (heard_at IS NULL OR waiting_since >= heard_at + {_SLACK})
          AND ($3::uuid IS NULL OR watch.workspace_id = $3)
        ORDER BY waiting_since
        """,
        after,
        until,
        workspace_id,
    )
    return [Silence(**row) for row in rows]
