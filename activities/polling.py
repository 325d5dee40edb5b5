"""The activity that asks a connector's provider for what no receipt has told."""

import time
from datetime import timedelta

from temporalio import activity

from activities.heartbeats import heartbeats
from heliograph.contracts import PollingPass, PollingPassResult
from heliograph.db.engine import Database
from heliograph.services.connections import Connections
from heliograph.services.connector_polling import ConnectorPoll
from heliograph.services.polling import Polled
from heliograph.settings import Settings

_ROUND = timedelta(minutes=10)


class PollingActivities:
    """Idempotent: an answer that is known already changes nothing."""

    def __init__(self, database: Database, connections: Connections, settings: Settings) -> None:
        self._database = database
        self._connections = connections
        self._settings = settings

    @activity.defn
    async def poll_connector(self, work: PollingPass) -> PollingPassResult:
        """One pass over what the connector's messages await, or as much of it as fits into some minutes."""
        end = time.monotonic() + _ROUND.total_seconds()

        def stopped() -> bool:
            return time.monotonic() > end or activity.is_worker_shutdown() or activity.is_cancelled()

        async with heartbeats() as beating:

            def progressed(total: Polled) -> None:
                beating.update(asked=total.asked, answered=total.answered, moved=total.moved)

            poll = ConnectorPoll(
                self._database, self._connections, self._settings, work, stopped=stopped, progressed=progressed
            )
            return await poll.run()
