"""Webhooks: where a workspace wants to hear of its messages and campaigns; their secrets; what was given up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypedDict
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db import webhook_runs, webhooks
from heliograph.db.engine import raw_connection
from heliograph.db.outbox import WEBHOOK_WAKE
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Outbox, Webhook, WebhookDelivery
from heliograph.db.tables.base import now
from heliograph.db.webhooks import Backlog
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy
from heliograph.errors import Conflict, InvalidInput, NotFound
from heliograph.outbound.origin import Origin
from heliograph.services.context import Actor, Services, audit
from heliograph.services.webhook_requests import check_url, require_room
from heliograph.services.webhook_secrets import make_secret, seal_secret

COUNTED_UP_TO: Final = 100_000
"""A longer backlog is told as this many: nobody counts a million rows to look at a list."""
CHANGE_OVER: Final = timedelta(hours=24)
"""How long the earlier secret signs too, after a new one was made."""
_LONGEST_DESCRIPTION: Final = 500


class WebhookChanges(TypedDict, total=False):
    """What can be changed; what is absent stays."""

    url: str
    kinds: Collection[WebhookKind]
    strategy: WebhookStrategy
    description: str


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook and how far it is behind."""

    webhook: Webhook
    backlog: Backlog


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A webhook and its new secret, which cannot be shown again."""

    webhook: Webhook
    secret: str


async def create_webhook(
    services: Services,
    actor: Actor,
    *,
    url: str,
    kinds: Collection[WebhookKind],
    strategy: WebhookStrategy,
    description: str = "",
) -> WebhookSecret:
    """A webhook of the workspace. One for campaigns hears of those that are under way, too."""
    actor.require("settings.manage")
    check_url(services.settings, url, field="url")
    webhook = Webhook(
        workspace_id=actor.workspace_id,
        url=url,
        description=_checked_description(description),
        kinds=_checked_kinds(kinds),
        strategy=strategy,
        sealed_secret=b"",
    )
    secret = make_secret()
    webhook.sealed_secret = seal_secret(services.key_ring, webhook.id, secret)
    async with services.database.unit_of_work() as session:
        await webhooks.lock_webhooks(session, actor.workspace_id)
        await require_room(session, actor.workspace_id)
        session.add(webhook)
        await session.flush()
        await _watch(session, webhook)
        audit(
            session,
            actor,
            "webhook.create",
            webhook.id,
            _described(webhook),
            sealed_secret=_handed(services, webhook, secret),
        )
    return WebhookSecret(webhook, secret)


async def list_webhooks(services: Services, actor: Actor, request: PageRequest[UUID]) -> Page[WebhookView, UUID]:
    """The workspace's webhooks and the hosts that requests name, newest first."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        page = await webhooks.page_webhooks(session, actor.workspace_id, request)
    return Page(await _views(services, page.items), page.next)


async def get_webhook(services: Services, actor: Actor, webhook_id: UUID) -> WebhookView:
    """One webhook of the workspace."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        webhook = await _found(session, actor, webhook_id)
    (view,) = await _views(services, [webhook])
    return view


async def update_webhook(services: Services, actor: Actor, webhook_id: UUID, changes: WebhookChanges) -> Webhook:
    """Changes a webhook; what is queued goes to the new address. `Conflict` for a host that requests name."""
    actor.require("settings.manage")
    if "url" in changes:
        check_url(services.settings, changes["url"], field="url")
    async with services.database.unit_of_work() as session:
        webhook = await _found(session, actor, webhook_id, lock=True)
        if webhook.by_request:
            raise Conflict("the requests that name this host say what is told when, and where", code="by_request")
        webhook.url = changes.get("url", webhook.url)
        webhook.strategy = changes.get("strategy", webhook.strategy)
        if "kinds" in changes:
            webhook.kinds = _checked_kinds(changes["kinds"])
        if "description" in changes:
            webhook.description = _checked_description(changes["description"])
        if "url" in changes:
            webhook.failures, webhook.failing_since, webhook.blocked_until, webhook.last_error = 0, None, None, None
        webhook.updated_at = now()
        await session.flush()
        await _watch(session, webhook)
        audit(session, actor, "webhook.update", webhook.id, _described(webhook))
    return webhook


async def rotate_secret(services: Services, actor: Actor, webhook_id: UUID) -> WebhookSecret:
    """A new secret. The earlier one signs too for a day, so that the receiver can change over without a gap."""
    actor.require("settings.manage")
    secret = make_secret()
    async with services.database.unit_of_work() as session:
        webhook = await _found(session, actor, webhook_id, lock=True)
        webhook.earlier_secret, webhook.earlier_until = webhook.sealed_secret, now() + CHANGE_OVER
        webhook.sealed_secret = seal_secret(services.key_ring, webhook.id, secret)
        webhook.updated_at = now()
        audit(session, actor, "webhook.rotate_secret", webhook.id, sealed_secret=_handed(services, webhook, secret))
    return WebhookSecret(webhook, secret)


async def delete_webhook(services: Services, actor: Actor, webhook_id: UUID) -> None:
    """Ends a webhook; what it had not told yet is forgotten. Requests that name its host later make a new one.

    Its workflow is woken once more, finds it gone, and ends.
    """
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        webhook = await _found(session, actor, webhook_id, lock=True)
        audit(session, actor, "webhook.delete", webhook.id, _described(webhook))
        session.add(Outbox(workspace_id=actor.workspace_id, topic=WEBHOOK_WAKE, key=str(webhook.id)))
        await webhooks.end(await raw_connection(session), actor.workspace_id, webhook.id)


async def list_dead_letters(
    services: Services, actor: Actor, webhook_id: UUID, request: PageRequest[UUID]
) -> Page[WebhookDelivery, UUID]:
    """What was given up, newest first, each with its reason."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        webhook = await _found(session, actor, webhook_id)
        return await webhooks.page_dead_letters(session, actor.workspace_id, webhook.id, request)


async def replay_dead_letters(
    services: Services, actor: Actor, webhook_id: UUID, delivery_ids: Sequence[UUID] | None = None
) -> int:
    """Tells dead letters once more, all of them or these, under their old event ids; how many."""
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        webhook = await _found(session, actor, webhook_id, lock=True)
        count = await webhooks.replay(await raw_connection(session), actor.workspace_id, webhook.id, delivery_ids)
        webhook.blocked_until = None
        audit(session, actor, "webhook.replay", webhook.id, {"replayed": count})
    return count


async def _found(session: AsyncSession, actor: Actor, webhook_id: UUID, *, lock: bool = False) -> Webhook:
    webhook = await webhooks.find_webhook(session, actor.workspace_id, webhook_id, lock=lock)
    if webhook is None:
        raise NotFound("no such webhook in this workspace", code="webhook_not_found")
    return webhook


async def _views(services: Services, found: Sequence[Webhook]) -> list[WebhookView]:
    async with services.database.pool.acquire() as connection:
        backlogs = await webhooks.read_backlogs(connection, [each.id for each in found], COUNTED_UP_TO)
    return [WebhookView(each, backlogs[each.id]) for each in found]


async def _watch(session: AsyncSession, webhook: Webhook) -> None:
    """Has it hear of campaigns that are under way, or no more of them."""
    watch = webhook_runs.watch_open_runs if WebhookKind.CAMPAIGN in webhook.kinds else webhook_runs.stop_watching
    await watch(await raw_connection(session), webhook.workspace_id, webhook.id)


def _handed(services: Services, webhook: Webhook, secret: str) -> bytes:
    """As the idempotency key keeps it, for a repeated call."""
    return services.key_ring.seal(secret.encode(), context=webhook.id.bytes)


def _checked_kinds(kinds: Collection[WebhookKind]) -> list[str]:
    if not kinds:
        raise InvalidInput.of("kinds", f"names one or both of: {', '.join(WebhookKind)}", "empty")
    return sorted({kind.value for kind in kinds})


def _checked_description(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST_DESCRIPTION or not text.isprintable():
        raise InvalidInput.of("description", f"has at most {_LONGEST_DESCRIPTION} printable characters", "description")
    return text


def _described(webhook: Webhook) -> dict[str, object]:
    """For the audit trail. Of the address only the host: a path can hold a secret of the receiver's."""
    return {
        "host": str(Origin.of(webhook.url)),
        "kinds": webhook.kinds,
        "strategy": webhook.strategy.value,
        "description": webhook.description,
    }
