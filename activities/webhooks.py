"""Activities of callbacks to our users: the pump of one webhook, and the watch that wakes pumps."""

import asyncio
import logging
import time
from collections.abc import Collection
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.heartbeats import heartbeats
from heliograph.contracts import WebhookInput, WebhookResult, WebhookWatchResult
from heliograph.db import webhook_queue
from heliograph.db.engine import Database
from heliograph.services.campaign_callbacks import tell_campaigns
from heliograph.services.starting import wake_webhook
from heliograph.services.webhook_pump import WebhookPump

_log = logging.getLogger(__name__)

_PUMP_ROUND = timedelta(minutes=5)
_WATCH_ROUND = timedelta(minutes=10)
_LOOK_SECONDS = 1.0
_WAKE_AGAIN_SECONDS = 5.0
"""A webhook that was woken needs a moment to get a slot: its workflow bears few signals a second."""


class WebhookActivities:
    """Idempotent: the queue is in the database, and one pump at a time has a webhook."""

    def __init__(self, database: Database, client: Client, pump: WebhookPump) -> None:
        self._database = database
        self._client = client
        self._pump = pump

    @activity.defn
    async def tell_webhook(self, work: WebhookInput) -> WebhookResult:
        """Tells what is queued, for some minutes at most; ends early when there is nothing to tell, or no way to."""
        end = time.monotonic() + _PUMP_ROUND.total_seconds()
        async with heartbeats() as beating:
            worked = await self._pump.work(
                work.webhook_id,
                stopping=lambda: activity.is_worker_shutdown() or time.monotonic() >= end,
                progressed=lambda told: beating.update(told=told),
            )
        standing = await webhook_queue.standing(self._database.pool, work.webhook_id)
        if standing is None:
            return WebhookResult(told=worked.told, gone=worked.gone)
        return WebhookResult(
            told=worked.told,
            gone=worked.gone,
            host=urlsplit(standing.url).netloc,  # no path: it may hold a secret of the receiver's
            waiting=standing.waiting,
            trouble=standing.trouble,
            next_try_at=standing.next_try_at,
        )

    @activity.defn
    async def watch_webhooks(self) -> WebhookWatchResult:
        """Looks once a second, for some minutes: which campaigns have a callback due, which webhooks have work."""
        callbacks = woken = 0
        known: dict[UUID, float] = {}
        end = time.monotonic() + _WATCH_ROUND.total_seconds()
        async with heartbeats() as beating:
            while time.monotonic() < end and not activity.is_worker_shutdown():
                callbacks += await tell_campaigns(self._database)
                waiting = await webhook_queue.waiting_webhooks(self._database.pool)
                woken += await self._wake(waiting, known)
                beating.update(campaign_callbacks=callbacks, woken=woken)
                await asyncio.sleep(_LOOK_SECONDS)
        return WebhookWatchResult(campaign_callbacks=callbacks, woken=woken)

    async def _wake(self, waiting: Collection[UUID], known: dict[UUID, float]) -> int:
        """Wakes the workflows of webhooks that were not woken just now; how many. `known`: when each was, last."""
        now = time.monotonic()
        due = [webhook_id for webhook_id in waiting if now - known.get(webhook_id, now - 60) >= _WAKE_AGAIN_SECONDS]
        for webhook_id in due:
            try:
                await wake_webhook(self._client, webhook_id)
            except RPCError as error:  # one webhook must not keep the others asleep; the next look tries again
                _log.warning("webhook %s cannot be woken: %s", webhook_id, error.message)
            known[webhook_id] = now
        return len(due)
