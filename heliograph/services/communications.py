"""Communication reports: every message of a workspace, campaign or not, with how it ended."""

from typing import Any, Final
from uuid import UUID

from heliograph.db.communications import LAST_ID, plan_search, read_window
from heliograph.db.pages import Page, PageRequest
from heliograph.db.workspaces import find_workspace
from heliograph.domain.communications import STATUS_OF, Communication, CommunicationFilters
from heliograph.domain.csv.rules import EXPLANATIONS
from heliograph.domain.email_addresses import normalise_email_address
from heliograph.domain.ledger import MessageState
from heliograph.domain.phone_numbers import NumberRule, normalise_number
from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.services.context import Actor, Services

_REPORTED: Final = (Channel.SMS, Channel.EMAIL)


async def page_communications(
    services: Services, actor: Actor, filters: CommunicationFilters, request: PageRequest[UUID]
) -> Page[Communication, UUID]:
    """A page, newest first. It may hold fewer than were asked for, or none, and yet name a next one.

    What is looked through for one page is bounded (`heliograph.db.communications.EXAMINED`): a filter that few match
    takes more pages, none of them slow.
    """
    actor.require("read")
    filters = await checked_filters(services, actor, filters)
    async with services.database.pool.acquire() as connection:
        search = await plan_search(connection, actor.workspace_id, filters)
        window = await read_window(
            connection, actor.workspace_id, search, below=request.after or LAST_ID, limit=request.limit
        )
    return Page([as_communication(row) for row in window.rows], window.next)


async def checked_filters(services: Services, actor: Actor, filters: CommunicationFilters) -> CommunicationFilters:
    """The filters with the address as the ledger writes it; `InvalidInput` names the filter and its rule."""
    if filters.since is not None and filters.until is not None and filters.since >= filters.until:
        raise InvalidInput.of("until", "is later than from", "range")
    if filters.channel is not None and filters.channel not in _REPORTED:
        raise InvalidInput.of("channel", "is sms or email", "channel")
    if filters.address is None:
        return filters
    async with services.database.unit_of_work() as session:
        workspace = await find_workspace(session, actor.workspace_id)
    address = _normalised(filters.address, workspace.default_region if workspace else None)
    return filters.model_copy(update={"address": address})


def _normalised(text: str, region: str | None) -> str:
    if "@" in text:
        return normalise_email_address(text, field="address")
    if text[:1] == " " and text[1:2].isdigit():  # a + in a query that nobody encoded
        text = "+" + text[1:]
    number = normalise_number(text, region)
    if isinstance(number, NumberRule):
        raise InvalidInput.of("address", EXPLANATIONS[number], number.value)
    return number.e164


def as_communication(row: Any) -> Communication:
    """A row of a window as it is shown."""
    return Communication(**{**row, "status": STATUS_OF[MessageState(row["state"])]})
