"""The activity that tells a message broker how messages ended: as they do, for some minutes."""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import timedelta

from temporalio import activity

from activities.heartbeats import Heartbeats, heartbeats
from heliograph.contracts import DeliveryReportResult
from heliograph.db.engine import Database
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.errors import Unavailable
from heliograph.services.delivery_reports import Broker, Reporter
from heliograph.settings import Settings

_log = logging.getLogger(__name__)

_ROUND = timedelta(minutes=10)
_IDLE_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0


class DeliveryReportActivities:
    """Two at once would share the work through SKIP LOCKED."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        broker = settings.delivery_report_broker
        queue = settings.delivery_report_queue
        self._broker = None if broker is None else Broker.read(broker.get_secret_value(), queue)

    @activity.defn
    async def send_delivery_reports(self) -> DeliveryReportResult:
        """Sends reports for some minutes, over one connection while the broker keeps it. Without a broker it ends."""
        if self._broker is None:
            return DeliveryReportResult(told=0, configured=False)
        async with heartbeats() as beating:
            return DeliveryReportResult(told=await self._send(self._broker, beating))

    async def _send(self, broker: Broker, beating: Heartbeats) -> int:
        told, pause = 0, _FIRST_PAUSE_SECONDS
        end = time.monotonic() + _ROUND.total_seconds()
        while _goes_on(end):
            try:
                async with Reporter.connected(self._database, broker) as reporter:
                    while _goes_on(end):
                        some = await reporter.tell_some()
                        told += some.count
                        beating.update(told=told)
                        if some.trouble is not None:
                            raise Unavailable(f"the broker did not take all: {some.trouble}", code="broker")
                        pause = _FIRST_PAUSE_SECONDS
                        if not some.count:
                            await _pause(_IDLE_SECONDS)
            except (Unavailable, *DATABASE_TROUBLE) as error:
                _log.warning("delivery reports wait %.0f s: %s", pause, _described(error))
                beating.update(told=told, trouble=_described(error))
                await _pause(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
        return told


def _goes_on(end: float) -> bool:
    return time.monotonic() < end and not activity.is_worker_shutdown() and not activity.is_cancelled()


async def _pause(seconds: float) -> None:
    """Shorter when the worker stops meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await activity.wait_for_worker_shutdown()


def _described(error: BaseException) -> str:
    return error.detail if isinstance(error, Unavailable) else f"PostgreSQL: {type(error).__name__}"
