"""The activity that asks the provider for what no receipt has told."""

from temporalio import activity

from heliograph.contracts import PollInput, PollResult
from heliograph.db.engine import Database
from heliograph.services.connections import Connections
from heliograph.services.polling import poll_run


class ReceiptActivities:
    """Idempotent: an answer that is known already changes nothing."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    @activity.defn
    async def poll_receipts(self, poll: PollInput) -> PollResult:
        """Asks for every accepted message of the run without a final word."""
        polled = await poll_run(
            self._database, self._connections, poll.workspace_id, poll.run_id, progressed=activity.heartbeat
        )
        return PollResult(asked=polled.asked, answered=polled.answered, moved=polled.moved)
