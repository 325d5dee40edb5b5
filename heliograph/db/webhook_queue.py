"""The queue of a webhook, as its pump works it: taken, told, postponed, given up.

One pump at a time has a webhook (`pump`, `pump_until`): that is what keeps the callbacks of one message in order. It
writes nothing to a delivery before it is told: a delivery costs one insert and one delete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from heliograph.db.engine import Connection, Pool
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy


@dataclass(frozen=True, slots=True)
class HeldWebhook:
    """A webhook that is ours to work for a while."""

    id: UUID
    workspace_id: UUID
    url: str
    sealed_secret: bytes
    earlier_secret: bytes | None  # while it is still in force
    failures: int
    failing_since: datetime | None
    blocked: bool  # is to be left alone for now


async def hold(connection: Connection, webhook_id: UUID, pump: UUID, lease: timedelta) -> HeldWebhook | None:
    """Takes the webhook for `pump`, or keeps it; None when another pump has it, or when it is gone."""
    row = await connection.fetchrow(
        """
        UPDATE webhook SET pump = $2, pump_until = now() + $3
        WHERE id = $1 AND deleted_at IS NULL AND (pump = $2 OR pump IS NULL OR pump_until < now())
        RETURNING id, workspace_id, url, sealed_secret, failures, failing_since,
            CASE WHEN earlier_until > now() THEN earlier_secret END AS earlier_secret,
            coalesce(blocked_until > now(), false) AS blocked
        """,
        webhook_id,
        pump,
        lease,
    )
    return HeldWebhook(**row) if row else None


async def let_go(connection: Connection | Pool, webhook_id: UUID, pump: UUID) -> None:
    """Gives the webhook back."""
    await connection.execute(
        "UPDATE webhook SET pump = NULL, pump_until = NULL WHERE id = $1 AND pump = $2", webhook_id, pump
    )


async def is_gone(connection: Connection | Pool, webhook_id: UUID) -> bool:
    """Whether the webhook was deleted; what was queued for it since then is deleted too."""
    gone: bool = await connection.fetchval(
        "SELECT NOT EXISTS (SELECT FROM webhook WHERE id = $1 AND deleted_at IS NULL)", webhook_id
    )
    if gone:
        await connection.execute("DELETE FROM webhook_delivery WHERE webhook_id = $1", webhook_id)
    return gone


@dataclass(frozen=True, slots=True)
class Standing:
    """How a webhook fares, for who looks after it."""

    url: str
    waiting: int  # counted to 10,000
    trouble: str | None
    next_try_at: datetime | None  # while the receiver is left alone


async def standing(connection: Connection | Pool, webhook_id: UUID) -> Standing | None:
    """How the webhook fares; None when it is gone."""
    row = await connection.fetchrow(
        """
        SELECT url, last_error AS trouble,
            CASE WHEN blocked_until > now() THEN blocked_until END AS next_try_at,
            (SELECT count(*) FROM (
                SELECT FROM webhook_delivery WHERE webhook_id = $1 AND dead_at IS NULL LIMIT 10000
            ) AS queued) AS waiting
        FROM webhook WHERE id = $1 AND deleted_at IS NULL
        """,
        webhook_id,
    )
    return Standing(**row) if row else None


async def failing_webhooks(connection: Connection | Pool) -> list[UUID]:
    """The webhooks of all workspaces whose receivers do not work now."""
    rows = await connection.fetch(
        "SELECT id FROM webhook WHERE failing_since IS NOT NULL AND deleted_at IS NULL ORDER BY id"
    )
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback to be told."""

    id: UUID
    workspace_id: UUID
    kind: WebhookKind
    subject: UUID
    url: str | None
    strategy: WebhookStrategy
    content: dict[str, Any]
    created_at: datetime
    tries: int


# A delivery waits while an earlier one of its subject is postponed, so that a later status never overtakes it. The
# index of postponed deliveries is nearly always empty.
_IS_DUE = """
    delivery.dead_at IS NULL AND delivery.available_at <= now() AND NOT EXISTS (
        SELECT FROM webhook_delivery AS earlier
        WHERE earlier.webhook_id = delivery.webhook_id AND earlier.subject = delivery.subject
          AND earlier.dead_at IS NULL AND earlier.tries > 0
          AND earlier.position < delivery.position AND earlier.available_at > now()
    )
"""
_DUE = f"""
SELECT id, workspace_id, kind::text, subject, url, strategy::text, content, created_at, tries
FROM webhook_delivery AS delivery
WHERE delivery.webhook_id = $1 AND {_IS_DUE}
ORDER BY position LIMIT $2
"""
_WAITING = f"""
SELECT id FROM webhook
WHERE (pump IS NULL OR pump_until < now()) AND (blocked_until IS NULL OR blocked_until <= now())
  AND EXISTS (SELECT FROM webhook_delivery AS delivery WHERE delivery.webhook_id = webhook.id AND {_IS_DUE})
ORDER BY id
"""


async def due(connection: Connection | Pool, webhook_id: UUID, limit: int) -> list[Delivery]:
    """The next deliveries of a webhook that is held, in the order of the queue."""
    return [
        Delivery(**{**row, "kind": WebhookKind(row["kind"]), "strategy": WebhookStrategy(row["strategy"])})
        for row in await connection.fetch(_DUE, webhook_id, limit)
    ]


async def any_due(pool: Pool, webhook_id: UUID) -> bool:
    """Whether there is anything to tell now. Asked several times a second."""
    found: bool = await pool.fetchval(f"SELECT EXISTS ({_DUE})", webhook_id, 1)
    return found


async def waiting_webhooks(pool: Pool) -> list[UUID]:
    """Webhooks that have something to tell, may be tried, and are in no pump's hands; deleted ones with leftovers."""
    rows = await pool.fetch(_WAITING)
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delivery that a working endpoint did not take: tried again after `pause`."""

    delivery_id: UUID
    reason: str
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Trouble:
    """The endpoint does not work, as `delivery_id` found out: it is left alone for `pause`.

    That delivery waits for longer, `own_pause`: if it alone upsets the endpoint, the others get their turn.
    """

    delivery_id: UUID
    reason: str
    pause: timedelta
    own_pause: timedelta


async def note_told(connection: Connection, webhook_id: UUID, delivery_ids: Sequence[UUID]) -> None:
    """Deletes what the receiver took; the endpoint works."""
    await connection.execute("DELETE FROM webhook_delivery WHERE id = ANY ($1::uuid[])", delivery_ids)
    await connection.execute(
        """
        UPDATE webhook SET delivered = delivered + $2, last_delivered_at = now(), failures = 0, failing_since = NULL,
            blocked_until = NULL, last_error = NULL
        WHERE id = $1
        """,
        webhook_id,
        len(delivery_ids),
    )


# What has failed for as long as $4 becomes a dead letter.
_POSTPONE = """
UPDATE webhook_delivery SET
    tries = tries + 1, last_error = failed.reason, failing_since = coalesce(failing_since, now()),
    available_at = now() + failed.pause,
    dead_at = CASE WHEN coalesce(failing_since, now()) <= now() - $4::interval THEN now() END
FROM unnest($1::uuid[], $2::text[], $3::interval[]) AS failed (id, reason, pause)
WHERE webhook_delivery.id = failed.id AND webhook_delivery.dead_at IS NULL
"""


async def note_refused(
    connection: Connection, webhook_id: UUID, refusals: Sequence[Refusal], give_up: timedelta
) -> None:
    """Postpones what was refused, or gives it up once it has been refused for as long as `give_up`."""
    await connection.execute("UPDATE webhook SET last_error = $2 WHERE id = $1", webhook_id, refusals[-1].reason)
    await connection.execute(
        _POSTPONE,
        [each.delivery_id for each in refusals],
        [each.reason for each in refusals],
        [each.pause for each in refusals],
        give_up,
    )


async def note_trouble(connection: Connection, webhook_id: UUID, trouble: Trouble, give_up: timedelta) -> None:
    """Blocks the endpoint for a while.

    Once it has failed for as long as `give_up`, callbacks of that age become dead letters; younger ones wait on.
    """
    failing_since: datetime = await connection.fetchval(
        """
        UPDATE webhook SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
            blocked_until = now() + $2, last_error = $3
        WHERE id = $1 RETURNING failing_since
        """,
        webhook_id,
        trouble.pause,
        trouble.reason,
    )
    await connection.execute(_POSTPONE, [trouble.delivery_id], [trouble.reason], [trouble.own_pause], give_up)
    await connection.execute(
        """
        UPDATE webhook_delivery SET dead_at = now(), last_error = $4
        WHERE webhook_id = $1 AND dead_at IS NULL AND created_at <= now() - $2::interval
          AND $3::timestamptz <= now() - $2::interval
        """,
        webhook_id,
        give_up,
        failing_since,
        trouble.reason,
    )
