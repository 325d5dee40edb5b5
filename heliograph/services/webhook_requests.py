"""Callbacks that a request asks for: an address and a strategy, delivered by the webhook of the address's host."""

from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.tables import Webhook
from heliograph.db.webhooks import CallbackTarget, find_webhook_of_host, lock_webhooks, webhooks_in_use
from heliograph.domain.webhooks import Callback, WebhookStrategy
from heliograph.errors import Conflict, InvalidInput
from heliograph.outbound.origin import Origin
from heliograph.outbound.reach import Reach
from heliograph.secrets import KeyRing
from heliograph.services.context import Services
from heliograph.services.webhook_secrets import make_secret, seal_secret
from heliograph.settings import Settings

MOST_WEBHOOKS: Final = 100
"""Of one workspace, the hosts that requests name included: each may hold connections."""
LONGEST_URL: Final = 2_000


def check_url(settings: Settings, url: str, *, field: str) -> None:
    """`InvalidInput` naming the field and the rule that an address breaks. Looks no name up."""
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise InvalidInput.of(field, f"has at most {LONGEST_URL} printable characters and no spaces", "url")
    if "#" in url:
        raise InvalidInput.of(field, "has no fragment (#…): it would not be sent", "fragment")
    Reach(settings.reachable_hosts).check(Origin.of(url, field=field), field=field)


class RequestedCallbacks:
    """The callbacks of one request's messages: few hosts, however many messages."""

    def __init__(self, services: Services, session: AsyncSession, workspace_id: UUID) -> None:
        self._services = services
        self._session = session
        self._workspace_id = workspace_id
        self._webhooks: dict[str, UUID] = {}

    async def target(self, wanted: Callback | None) -> CallbackTarget | None:
        """Where a message's changes are told; `InvalidInput` and `Conflict` as the functions of this module."""
        if wanted is None:
            return None
        if wanted.url not in self._webhooks:
            check_url(self._services.settings, wanted.url, field="callback.url")
            webhook = await webhook_of(self._session, self._services.key_ring, self._workspace_id, wanted.url)
            self._webhooks[wanted.url] = webhook.id
        return CallbackTarget(self._webhooks[wanted.url], wanted.url, wanted.strategy)


async def webhook_of(session: AsyncSession, key_ring: KeyRing, workspace_id: UUID, url: str) -> Webhook:
    """The webhook that delivers to the host of a checked address; made when a request names the host first.

    `Conflict` when the workspace has too many webhooks.
    """
    host = str(Origin.of(url))
    found = await find_webhook_of_host(session, workspace_id, host)
    if found is not None:
        return found
    await lock_webhooks(session, workspace_id)
    found = await find_webhook_of_host(session, workspace_id, host)
    if found is not None:
        return found
    await require_room(session, workspace_id)
    webhook = Webhook(
        workspace_id=workspace_id,
        url=host,
        description="named by requests",
        strategy=WebhookStrategy.ON_CHANGE,
        by_request=True,
        sealed_secret=b"",
    )
    webhook.sealed_secret = seal_secret(key_ring, webhook.id, make_secret())
    session.add(webhook)
    await session.flush()
    return webhook


async def require_room(session: AsyncSession, workspace_id: UUID) -> None:
    """Under `lock_webhooks`."""
    if len(await webhooks_in_use(session, workspace_id)) >= MOST_WEBHOOKS:
        raise Conflict(
            f"the workspace has {MOST_WEBHOOKS} webhooks, counting the hosts that requests name: delete one first",
            code="too_many_webhooks",
        )
