"""What comes over an open connection, for providers that listen: receipts and messages from people."""

from collections.abc import Sequence

from heliograph.db.engine import Database
from heliograph.db.tables import Connector
from heliograph.providers.protocol import InboundMessage, StatusReport
from heliograph.services.inbound import store_inbound
from heliograph.services.receipts import store, to_incoming


class ConnectorInbox:
    """The inbox of one connector (see `providers.protocol.Inbox`). What it takes is committed when it returns."""

    def __init__(self, database: Database, connector: Connector) -> None:
        self._database = database
        self._workspace_id = connector.workspace_id
        self._connector_id = connector.id

    async def take_reports(self, reports: Sequence[StatusReport]) -> None:
        """Stores and folds receipts; one that PostgreSQL cannot hold is logged and left, the others are kept."""
        await store(self._database, [to_incoming(self._workspace_id, self._connector_id, each) for each in reports])

    async def take_inbound(self, messages: Sequence[InboundMessage]) -> None:
        """Stores messages from people."""
        await store_inbound(self._database, self._workspace_id, self._connector_id, messages)
