"""The activity that sends: one batch, on the lane of its category."""

import asyncio
from contextlib import suppress

from temporalio import activity

from heliograph.contracts import SendBatchInput, SendBatchResult
from heliograph.services.sending import BatchRequest, SendingEngine

_HEARTBEAT_SECONDS = 2.0


class SendingActivities:
    """Holds the process's one engine."""

    def __init__(self, engine: SendingEngine) -> None:
        self._engine = engine

    @activity.defn
    async def send_batch(self, batch: SendBatchInput) -> SendBatchResult:
        """Sends what is due in the range. Cancelled or shut down, it claims no more and records what is in flight."""
        halted = asyncio.Event()
        sending = asyncio.create_task(
            self._engine.send(
                BatchRequest(batch.workspace_id, batch.run_id, batch.wave, batch.first, batch.last),
                halted=lambda: halted.is_set() or activity.is_worker_shutdown(),
            )
        )
        while not sending.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({sending}, timeout=_HEARTBEAT_SECONDS)
            if activity.is_cancelled():
                halted.set()
            activity.heartbeat()
        left = sending.result()
        return SendBatchResult(remaining=left.queued, due_at=left.due_at, halted=not left.active)
