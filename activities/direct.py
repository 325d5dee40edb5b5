"""The activity that sends direct messages: those of one category as they come, on its lane."""

import asyncio
import time
from datetime import timedelta

from temporalio import activity

from heliograph.contracts import DirectInput, DirectResult
from heliograph.services.sending import SendingEngine

_ROUND = timedelta(minutes=10)
_IDLE_SECONDS = 0.2
_HEARTBEAT_SECONDS = 2.0


class DirectActivities:
    """Holds the process's one engine. Several workers share the work through SKIP LOCKED."""

    def __init__(self, engine: SendingEngine) -> None:
        self._engine = engine

    @activity.defn
    async def send_direct(self, work: DirectInput) -> DirectResult:
        """Sends what is queued as it comes, for some minutes. Stopping, it claims no more; the rest is recorded."""
        sent, now = 0, time.monotonic()
        end, next_beat = now + _ROUND.total_seconds(), now
        while (now := time.monotonic()) < end and not activity.is_worker_shutdown() and not activity.is_cancelled():
            claimed = await self._engine.direct.send_due(work.category)
            sent += claimed
            if now >= next_beat:
                next_beat = now + _HEARTBEAT_SECONDS
                activity.heartbeat(sent)
            if not claimed:
                await asyncio.sleep(_IDLE_SECONDS)
        return DirectResult(sent=sent)
