"""The pump of webhooks: takes what the ledger queued, tells it, and notes what became of it.

At least once: what was told is forgotten after it was told, so a pump that dies in between tells it again, under the
same event id. An endpoint in trouble is asked with a single callback at a time, ever more seldom, until it works again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from heliograph.db import webhook_queue
from heliograph.db.engine import Database
from heliograph.db.webhook_queue import HeldWebhook
from heliograph.ids import new_id
from heliograph.outbound.client import OutboundClient
from heliograph.secrets import KeyRing
from heliograph.services.webhook_content import bodies
from heliograph.services.webhook_secrets import open_secret
from heliograph.services.webhook_tour import Tour
from heliograph.settings import Settings

_AT_A_TIME: Final = 200
_IDLE_SECONDS: Final = 0.25
_LINGER_SECONDS: Final = 5.0
"""How long a pump that has told everything waits for more, before it gives its slot to another one."""
_MARGIN_SECONDS: Final = 20.0
_ANSWER_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Worked:
    """What a pump did. `gone`: the webhook was deleted."""

    told: int
    gone: bool = False


class WebhookPump:
    """One per process; works any webhook, each in one process at a time. Close it."""

    def __init__(self, database: Database, key_ring: KeyRing, settings: Settings) -> None:
        self._database = database
        self._key_ring = key_ring
        self._settings = settings
        self._lease_seconds = 2 * settings.webhook_timeout_seconds + _MARGIN_SECONDS
        self._client = OutboundClient(
            timeout=settings.webhook_timeout_seconds,
            reachable=settings.reachable_hosts,
            max_connections=4 * settings.webhook_connections,  # several webhooks may lead to one host
            answer_limit=_ANSWER_LIMIT,
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def work(
        self,
        webhook_id: UUID,
        *,
        stopping: Callable[[], bool] = lambda: False,
        progressed: Callable[[int], object] = lambda _: None,
        linger_seconds: float = _LINGER_SECONDS,
    ) -> Worked:
        """Tells what is queued as it comes, until nothing has come for a while, the endpoint fails, or `stopping`.

        Does nothing while another pump has the webhook.
        """
        pump, told = new_id(), 0
        idle_since = time.monotonic()
        while (held := await self._hold(webhook_id, pump)) is not None and not held.blocked and not stopping():
            tour = await self._tour(held)
            if tour.told:
                told, idle_since = told + len(tour.told), time.monotonic()
                progressed(told)
            elif tour.trouble is not None or not await self._more(webhook_id, idle_since + linger_seconds, stopping):
                break
        await webhook_queue.let_go(self._database.pool, webhook_id, pump)
        gone = held is None and await webhook_queue.is_gone(self._database.pool, webhook_id)
        return Worked(told, gone)

    async def _hold(self, webhook_id: UUID, pump: UUID) -> HeldWebhook | None:
        lease = timedelta(seconds=self._lease_seconds)
        return await webhook_queue.hold(self._database.pool, webhook_id, pump, lease)

    async def _tour(self, held: HeldWebhook) -> Tour:
        """A batch, told and noted."""
        ends_at = time.monotonic() + self._lease_seconds - self._settings.webhook_timeout_seconds
        pool = self._database.pool
        deliveries = await webhook_queue.due(pool, held.id, 1 if held.failures else _AT_A_TIME)
        sealed = [each for each in (held.sealed_secret, held.earlier_secret) if each is not None]
        secrets = [open_secret(self._key_ring, held.id, each) for each in sealed]
        tour = Tour(self._client, self._settings, held, secrets, ends_at=ends_at)
        if deliveries:
            await tour.tell(deliveries, await bodies(pool, deliveries, held.url))
            await self._note(held, tour)
        return tour

    async def _note(self, held: HeldWebhook, tour: Tour) -> None:
        give_up = timedelta(seconds=self._settings.webhook_give_up_seconds)
        async with self._database.transaction() as connection:
            if tour.told:
                await webhook_queue.note_told(connection, held.id, tour.told)
            if tour.refused:
                await webhook_queue.note_refused(connection, held.id, tour.refused, give_up)
            if tour.trouble is not None:
                await webhook_queue.note_trouble(connection, held.id, tour.trouble, give_up)

    async def _more(self, webhook_id: UUID, until: float, stopping: Callable[[], bool]) -> bool:
        """Whether something is to be told before `until` (`time.monotonic()`)."""
        while not await webhook_queue.any_due(self._database.pool, webhook_id):
            if time.monotonic() >= until or stopping():
                return False
            await asyncio.sleep(_IDLE_SECONDS)
        return True
