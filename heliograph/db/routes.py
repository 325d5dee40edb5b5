"""Routes and the health of connectors in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.counters import SHARD
from heliograph.db.engine import Connection, Pool
from heliograph.db.tables import Connector, Route, Sender
from heliograph.domain.health import Health, HealthState, Window
from heliograph.domain.vocabulary import Category, Channel


@dataclass(frozen=True, slots=True)
class Way:
    """A route as a worker needs it, with the present health of its connector."""

    priority: int
    weight: int
    connector_id: UUID
    provider: str
    connector_speed: float | None  # messages per second
    sender_id: UUID
    sender_kind: str
    sender_address: str
    sender_speed: float | None
    blocked_seconds: float  # the provider said: come back in so many seconds; 0: now
    health: Health


async def read_ways(pool: Pool | Connection, workspace_id: UUID, channel: Channel, category: Category) -> list[Way]:
    """Every route that can send, by priority; a handful of rows."""
    rows = await pool.fetch(
        """
        SELECT route.priority, route.weight, connector.id AS connector_id, connector.provider,
            connector.messages_per_second AS connector_speed, sender.id AS sender_id, sender.kind AS sender_kind,
            sender.address AS sender_address, sender.messages_per_second AS sender_speed,
            coalesce(greatest(0, extract(epoch FROM bucket.blocked_until - now())), 0)::float8 AS blocked_seconds,
            health.state::text AS state, health.since, health.pause, health.reason
        FROM route
        JOIN sender ON sender.id = route.sender_id AND sender.deleted_at IS NULL
        JOIN connector ON connector.id = sender.connector_id AND connector.deleted_at IS NULL
            AND connector.sealed_credentials IS NOT NULL
        LEFT JOIN connector_health AS health ON health.connector_id = connector.id
        LEFT JOIN pacing_bucket AS bucket ON bucket.key = 'connector/' || connector.id
        WHERE route.workspace_id = $1 AND route.channel = $2 AND route.category = $3
        ORDER BY route.priority, route.id
        """,
        workspace_id,
        channel.value,
        category.value,
    )
    return [_way(dict(row)) for row in rows]


def _way(row: dict[str, Any]) -> Way:
    return Way(health=_health(row), **row)


def _health(row: dict[str, Any]) -> Health:
    state, since, pause, reason = (row.pop(name) for name in ("state", "since", "pause", "reason"))
    return Health() if state is None else Health(HealthState(state), since, pause, reason)


async def list_routes(session: AsyncSession, workspace_id: UUID) -> Sequence[tuple[Route, Sender, Connector]]:
    """The workspace's routes with what they lead through, by channel, category and priority."""
    statement = (
        select(Route, Sender, Connector)
        .join(Sender, col(Sender.id) == Route.sender_id)
        .join(Connector, col(Connector.id) == Sender.connector_id)
        .where(Route.workspace_id == workspace_id, col(Sender.deleted_at).is_(None))
        .order_by(col(Route.channel), col(Route.category), col(Route.priority), col(Route.id))
    )
    return (await session.exec(statement)).all()


async def clear_routes(session: AsyncSession, workspace_id: UUID, channel: Channel, category: Category) -> None:
    """Takes the routes of a channel and category away."""
    await session.exec(
        delete(Route).where(
            col(Route.workspace_id) == workspace_id, col(Route.channel) == channel, col(Route.category) == category
        )
    )


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of this process to a connector that are not written yet."""

    connector_id: UUID
    workspace_id: UUID
    calls: int
    failed: int
    slow: int


async def add_calls(pool: Pool, counted: Sequence[Calls]) -> None:
    """Adds them to the present ten seconds."""
    await pool.execute(
        """
        INSERT INTO connector_calls AS known (connector_id, slot, shard, workspace_id, calls, failed, slow)
        SELECT connector_id, date_bin('10 seconds', now(), 'epoch'), $1, workspace_id, calls, failed, slow
        FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::int[])
            AS given (connector_id, workspace_id, calls, failed, slow)
        ORDER BY connector_id
        ON CONFLICT (connector_id, slot, shard) DO UPDATE
        SET calls = known.calls + excluded.calls, failed = known.failed + excluded.failed,
            slow = known.slow + excluded.slow
        """,
        SHARD,
        [each.connector_id for each in counted],
        [each.workspace_id for each in counted],
        [each.calls for each in counted],
        [each.failed for each in counted],
        [each.slow for each in counted],
    )


@dataclass(frozen=True, slots=True)
class Observed:
    """A connector that was called lately or is not healthy."""

    workspace_id: UUID
    connector_id: UUID
    health: Health
    window: Window


async def observe(connection: Connection, window: timedelta) -> list[Observed]:
    """What the last minute says, in the caller's transaction; older calls are forgotten. Locks what it answers."""
    await connection.execute("DELETE FROM connector_calls WHERE slot < now() - interval '2 minutes'")
    rows = await connection.fetch(
        """
        WITH recent AS (
            SELECT connector_id, workspace_id, sum(calls)::int AS calls, sum(failed)::int AS failed,
                sum(slow)::int AS slow
            FROM connector_calls
            WHERE slot > now() - $1::interval AND slot >= coalesce(
                (SELECT since FROM connector_health AS health
                 WHERE health.connector_id = connector_calls.connector_id AND health.state = 'recovering'),
                '-infinity'
            )
            GROUP BY connector_id, workspace_id
        )
        SELECT coalesce(health.workspace_id, recent.workspace_id) AS workspace_id,
            coalesce(health.connector_id, recent.connector_id) AS connector_id,
            health.state::text, health.since, health.pause, health.reason,
            coalesce(recent.calls, 0) AS calls, coalesce(recent.failed, 0) AS failed, coalesce(recent.slow, 0) AS slow
        FROM recent
        FULL JOIN (SELECT * FROM connector_health WHERE state <> 'healthy') AS health USING (connector_id)
        ORDER BY 2
        """,
        window,
    )
    return [
        Observed(
            row["workspace_id"],
            row["connector_id"],
            _health(dict(row)),
            Window(row["calls"], row["failed"], row["slow"]),
        )
        for row in rows
    ]


async def read_health(pool: Pool | Connection, connector_id: UUID) -> Health:
    """A connector's health."""
    row = await pool.fetchrow(
        "SELECT state::text, since, pause, reason FROM connector_health WHERE connector_id = $1", connector_id
    )
    return Health() if row is None else _health(dict(row))


@dataclass(frozen=True, slots=True)
class ShutConnector:
    """A connector that gets no messages while others can send."""

    connector_id: UUID
    name: str
    reason: str


async def read_shut_connectors(pool: Pool | Connection) -> list[ShutConnector]:
    """The shut connectors of all workspaces."""
    rows = await pool.fetch(
        """
        SELECT connector.id AS connector_id, connector.name, connector_health.reason
        FROM connector_health JOIN connector
          ON connector.workspace_id = connector_health.workspace_id AND connector.id = connector_health.connector_id
        WHERE connector_health.state = 'shut' ORDER BY connector.id
        """
    )
    return [ShutConnector(**row) for row in rows]


async def save_health(connection: Connection | Pool, workspace_id: UUID, connector_id: UUID, health: Health) -> None:
    """Keeps a new state."""
    since: datetime | None = health.since
    await connection.execute(
        """
        INSERT INTO connector_health (connector_id, workspace_id, state, since, pause, reason)
        VALUES ($1, $2, $3::text::health_state, coalesce($4, now()), $5, $6)
        ON CONFLICT (connector_id) DO UPDATE
        SET state = excluded.state, since = excluded.since, pause = excluded.pause, reason = excluded.reason
        """,
        connector_id,
        workspace_id,
        health.state.value,
        since,
        health.pause,
        health.reason,
    )
