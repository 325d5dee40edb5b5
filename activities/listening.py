"""The activity that keeps a connector's connection open, so that what its provider sends over it arrives."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from typing import Final, cast

from temporalio import activity

from activities.heartbeats import heartbeats
from heliograph.contracts import ListenInput, ListenResult
from heliograph.errors import Conflict, NotFound
from heliograph.providers.protocol import ListeningConnection
from heliograph.services.connections import Connections

_ROUND: Final = timedelta(minutes=10)
_LOOK_SECONDS: Final = 5.0
"""How soon changed credentials take effect, and a deleted connector is left."""


class ListeningActivities:
    """What comes goes into the connector's inbox by itself; this only sees to it that there is a connection."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @activity.defn
    async def listen(self, work: ListenInput) -> ListenResult:
        """Keeps the connection open for some minutes; the next round finds it open."""
        end = time.monotonic() + _ROUND.total_seconds()
        async with heartbeats():
            while time.monotonic() < end and not activity.is_worker_shutdown():
                try:
                    connection = cast("ListeningConnection", await self._connections.get(work.connector_id))
                except (NotFound, Conflict):
                    return ListenResult(wanted=False)
                await connection.keep_open()
                await _rest(_LOOK_SECONDS)
        return ListenResult(wanted=True)


async def _rest(seconds: float) -> None:
    """A pause that a stopping worker cuts short."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await activity.wait_for_worker_shutdown()
