"""The dispatcher's activity: tells what the outbox holds, at least once, in the order of each key."""

import asyncio
import logging
import time
from datetime import timedelta
from uuid import UUID

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from heliograph.contracts import CampaignLaunch, DispatchResult, Progress, campaign_workflow_id
from heliograph.db import outbox
from heliograph.db.engine import Database
from heliograph.db.outbox import OutboxRow
from heliograph.services.starting import start_campaign, start_export, start_import, wake_webhook
from heliograph.telemetry.tracing import continued

_log = logging.getLogger(__name__)

_ROUND = timedelta(minutes=10)
_HOLD = timedelta(seconds=30)
_AT_A_TIME = 100
_IDLE_SECONDS = 0.5
_LONGEST_DELAY = timedelta(minutes=5)


class DispatchActivities:
    """Told by at least one worker of the lane `control`; several share the work through SKIP LOCKED."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client

    @activity.defn
    async def dispatch_outbox(self) -> DispatchResult:
        """Tells rows as they come, for some minutes; the workflow then begins the next round."""
        told, end = 0, time.monotonic() + _ROUND.total_seconds()
        while time.monotonic() < end and not activity.is_worker_shutdown():
            count = await self._tell_some()
            told += count
            activity.heartbeat(told)
            if not count:
                await asyncio.sleep(_IDLE_SECONDS)
        return DispatchResult(told=told)

    async def _tell_some(self) -> int:
        async with self._database.transaction() as connection:
            rows = await outbox.take(connection, _AT_A_TIME, _HOLD)
        by_key: dict[str, list[OutboxRow]] = {}
        for row in rows:
            by_key.setdefault(row.key, []).append(row)
        told = [id for ids in await asyncio.gather(*map(self._tell_in_order, by_key.values())) for id in ids]
        if told:
            async with self._database.transaction() as connection:
                await outbox.forget(connection, told)
        return len(rows)

    async def _tell_in_order(self, rows: list[OutboxRow]) -> list[int]:
        """Tells the rows of one key until one fails; that one and those behind it wait."""
        told: list[int] = []
        for row in rows:
            try:
                with continued(row.traceparent):
                    await self._tell(row)
            except (RPCError, ValueError) as error:  # ValueError: a newer version wrote what this one cannot read
                delay = min(_LONGEST_DELAY, timedelta(seconds=2 ** min(row.tries, 9)))
                reason = error.message if isinstance(error, RPCError) else type(error).__name__
                _log.warning("outbox row %d (%s) waits %s: %s", row.id, row.topic, delay, reason)
                async with self._database.transaction() as connection:
                    await outbox.postpone(connection, row.id, delay, reason)
                break
            told.append(row.id)
        return told

    async def _tell(self, row: OutboxRow) -> None:
        if row.topic == outbox.IMPORT_START:
            await start_import(self._client, row.workspace_id, UUID(row.key))
        elif row.topic == outbox.EXPORT_START:
            await start_export(self._client, row.workspace_id, UUID(row.key))
        elif row.topic == outbox.CAMPAIGN_START:
            await start_campaign(self._client, CampaignLaunch.model_validate(row.payload))
        elif row.topic == outbox.CAMPAIGN_PROGRESS:
            await self._signal_progress(row)
        elif row.topic == outbox.WEBHOOK_WAKE:
            await wake_webhook(self._client, UUID(row.key))
        else:
            raise ValueError(f"unknown topic {row.topic}")

    async def _signal_progress(self, row: OutboxRow) -> None:
        handle = self._client.get_workflow_handle(campaign_workflow_id(UUID(row.key)))
        try:
            await handle.signal("progressed", Progress.model_validate(row.payload))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # closed: nobody waits for this any more
                raise
