"""Webhooks in SQL: the nouns of the API, and what requests ask for."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection
from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import Webhook, WebhookDelivery, Workspace
from heliograph.domain.webhooks import WebhookStrategy


async def lock_webhooks(session: AsyncSession, workspace_id: UUID) -> None:
    """Lets one change of a workspace's webhooks through at a time, until the commit."""
    await session.exec(select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True))


async def find_webhook(
    session: AsyncSession, workspace_id: UUID, webhook_id: UUID, *, lock: bool = False
) -> Webhook | None:
    """The webhook, unless it is deleted or of another workspace. Locked so that the ledger can still point at it."""
    statement = select(Webhook).where(
        Webhook.id == webhook_id, Webhook.workspace_id == workspace_id, col(Webhook.deleted_at).is_(None)
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await session.exec(statement)).one_or_none()


async def find_webhook_of_host(session: AsyncSession, workspace_id: UUID, host: str) -> Webhook | None:
    """The webhook that stands for a host which requests name."""
    statement = select(Webhook).where(
        Webhook.workspace_id == workspace_id,
        Webhook.url == host,
        col(Webhook.by_request),
        col(Webhook.deleted_at).is_(None),
    )
    return (await session.exec(statement)).one_or_none()


async def webhooks_in_use(session: AsyncSession, workspace_id: UUID) -> list[Webhook]:
    """All of a workspace's: a few dozen at most."""
    statement = select(Webhook).where(Webhook.workspace_id == workspace_id, col(Webhook.deleted_at).is_(None))
    return list((await session.exec(statement)).all())


async def page_webhooks(session: AsyncSession, workspace_id: UUID, request: PageRequest[UUID]) -> Page[Webhook, UUID]:
    """Webhooks in use, newest first."""
    statement = select(Webhook).where(Webhook.workspace_id == workspace_id, col(Webhook.deleted_at).is_(None))
    return await newest_first(session, statement, col(Webhook.id), request, lambda webhook: webhook.id)


async def page_dead_letters(
    session: AsyncSession, workspace_id: UUID, webhook_id: UUID, request: PageRequest[UUID]
) -> Page[WebhookDelivery, UUID]:
    """What was given up, newest first."""
    statement = select(WebhookDelivery).where(
        WebhookDelivery.workspace_id == workspace_id,
        WebhookDelivery.webhook_id == webhook_id,
        col(WebhookDelivery.dead_at).is_not(None),
    )
    return await newest_first(session, statement, col(WebhookDelivery.id), request, lambda letter: letter.id)


class Backlog(NamedTuple):
    """What a webhook still has to tell, and what was given up."""

    waiting: int
    dead: int


async def read_backlogs(connection: Connection, webhook_ids: Sequence[UUID], most: int) -> dict[UUID, Backlog]:
    """For each webhook how many deliveries wait and how many are dead, counted up to `most`."""
    rows = await connection.fetch(
        """
        SELECT wanted.id, waiting.count AS waiting, dead.count AS dead
        FROM unnest($1::uuid[]) AS wanted (id)
        CROSS JOIN LATERAL (SELECT count(*) FROM (
            SELECT FROM webhook_delivery WHERE webhook_id = wanted.id AND dead_at IS NULL LIMIT $2
        ) AS counted) AS waiting
        CROSS JOIN LATERAL (SELECT count(*) FROM (
            SELECT FROM webhook_delivery WHERE webhook_id = wanted.id AND dead_at IS NOT NULL LIMIT $2
        ) AS counted) AS dead
        """,
        webhook_ids,
        most,
    )
    return {row["id"]: Backlog(row["waiting"], row["dead"]) for row in rows}


async def replay(
    connection: Connection, workspace_id: UUID, webhook_id: UUID, delivery_ids: Sequence[UUID] | None
) -> int:
    """Gives dead letters (all, or these) a new life at once, in the caller's transaction; how many."""
    count: int = await connection.fetchval(
        """
        WITH revived AS (
            UPDATE webhook_delivery
            SET dead_at = NULL, tries = 0, failing_since = NULL, available_at = now(), created_at = now()
            WHERE workspace_id = $1 AND webhook_id = $2 AND dead_at IS NOT NULL
              AND ($3::uuid[] IS NULL OR id = ANY ($3))
            RETURNING id
        )
        SELECT count(*) FROM revived
        """,
        workspace_id,
        webhook_id,
        delivery_ids,
    )
    return count


async def end(connection: Connection, workspace_id: UUID, webhook_id: UUID) -> None:
    """Marks a webhook as deleted and forgets what it had to tell, in the caller's transaction.

    What a commit under way adds to its queue is deleted by the pump, which finds that the webhook is gone.
    """
    for statement in (
        "UPDATE webhook SET deleted_at = now(), updated_at = now() WHERE workspace_id = $1 AND id = $2",
        "DELETE FROM run_callback WHERE workspace_id = $1 AND webhook_id = $2",
        "DELETE FROM message_callback WHERE workspace_id = $1 AND webhook_id = $2",
        "DELETE FROM webhook_delivery WHERE workspace_id = $1 AND webhook_id = $2",
    ):
        await connection.execute(statement, workspace_id, webhook_id)


class CallbackTarget(NamedTuple):
    """Where one message's changes are told."""

    webhook_id: UUID
    url: str
    strategy: WebhookStrategy


async def ask_for_messages(
    connection: Connection, workspace_id: UUID, targets: Sequence[tuple[UUID, CallbackTarget]]
) -> None:
    """Notes what a request asked for with messages (by id), in the commit that queues these."""
    if not targets:
        return
    await connection.execute(
        """
        INSERT INTO message_callback (workspace_id, message_id, webhook_id, url, strategy)
        SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::webhook_strategy[])
        """,
        workspace_id,
        [message_id for message_id, _ in targets],
        [target.webhook_id for _, target in targets],
        [target.url for _, target in targets],
        [target.strategy.value for _, target in targets],
    )
