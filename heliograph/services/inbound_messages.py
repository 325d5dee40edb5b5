"""Messages from people, to read."""

from uuid import UUID

from heliograph.db.inbound import find_inbound, page_inbound
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import InboundMessageRow
from heliograph.domain.vocabulary import Keyword
from heliograph.errors import NotFound
from heliograph.services.context import Actor, Services


async def list_inbound_messages(
    services: Services,
    actor: Actor,
    request: PageRequest[UUID],
    *,
    sender_id: UUID | None = None,
    connector_id: UUID | None = None,
    address: str | None = None,
    keyword: Keyword | None = None,
) -> Page[InboundMessageRow, UUID]:
    """The workspace's inbound messages, newest first; of one sender, connector, person or word, where asked."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await page_inbound(
            session,
            actor.workspace_id,
            request,
            sender_id=sender_id,
            connector_id=connector_id,
            address=address,
            keyword=keyword,
        )


async def get_inbound_message(services: Services, actor: Actor, message_id: UUID) -> InboundMessageRow:
    """One inbound message of the workspace."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        found = await find_inbound(session, actor.workspace_id, message_id)
    if found is None:
        raise NotFound("no such inbound message in this workspace", code="inbound_message_not_found")
    return found
