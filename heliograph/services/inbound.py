"""Messages from people: stored, and acted upon in the same commit."""

from collections.abc import Sequence
from uuid import UUID

from heliograph.db import inbound
from heliograph.db.engine import Database
from heliograph.db.inbound import NewInbound
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import InboundMessage, ProviderRequest
from heliograph.services.callback_connectors import CallbackConnectors
from heliograph.telemetry.metrics import Verdict, record_callbacks


async def store_inbound(
    database: Database, workspace_id: UUID, connector_id: UUID, messages: Sequence[InboundMessage]
) -> None:
    """Stores messages from people, committed when it returns. A repeated one changes nothing."""
    if not messages:
        return
    rows = [
        NewInbound(
            each.provider_message_id,
            each.address,
            each.to,
            each.body,
            each.keyword.value if each.keyword else None,
            each.received_at,
        )
        for each in messages
    ]
    async with database.transaction() as connection:
        await inbound.store(connection, workspace_id, connector_id, rows)


async def take_inbound_callback(
    database: Database, connectors: CallbackConnectors, token: str, request: ProviderRequest
) -> tuple[str, bytes]:
    """Checks an inbound callback and returns when its messages are committed: what the provider wants as an answer.

    Raises as `take_status_callback` does.
    """
    connector = await connectors.verified(token, request)
    try:
        messages = connector.provider.parse_inbound(request, connector.account)
    except InvalidInput:
        record_callbacks(connector.provider.key, Verdict.REFUSED)
        raise
    await store_inbound(database, connector.workspace_id, connector.id, messages)
    return connector.provider.capabilities.inbound_answer
