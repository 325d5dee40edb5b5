"""Senders: what messages come from. Checked for form by rule and for existence by asking the provider."""

from typing import Final, TypedDict
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.pages import Page, PageRequest
from heliograph.db.senders import (
    find_default_sender,
    find_sender,
    lock_senders,
    page_senders,
    same_sender_exists,
    switch_default,
)
from heliograph.db.tables import Connector, Sender
from heliograph.db.tables.base import now
from heliograph.domain.vocabulary import Category, Channel
from heliograph.errors import BadRequest, Conflict, FieldError, InvalidInput, NotFound
from heliograph.providers.protocol import Provider, SenderAddress
from heliograph.providers.registry import provider
from heliograph.services.connections import NOT_AUTHENTICATED
from heliograph.services.connectors import connector_in, get_connector
from heliograph.services.context import Actor, Services, audit
from heliograph.services.provider_checks import ask
from heliograph.services.rules import checked_rate

SAVED: Final = "Settings updated Successfully"
_LONGEST_ADDRESS = 320


class SenderChanges(TypedDict, total=False):
    """What can be changed; what is absent stays."""

    name: str
    kind: str
    address: str
    messages_per_second: float | None


async def list_senders(
    services: Services,
    actor: Actor,
    request: PageRequest[UUID],
    *,
    connector_id: UUID | None = None,
    channel: Channel | None = None,
    category: Category | None = None,
) -> Page[Sender, UUID]:
    """The workspace's senders, newest first."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await page_senders(
            session, actor.workspace_id, request, connector_id=connector_id, channel=channel, category=category
        )


async def get_sender(services: Services, actor: Actor, sender_id: UUID) -> Sender:
    """One sender of the workspace."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await _the_sender(session, actor, sender_id)


async def create_sender(
    services: Services,
    actor: Actor,
    *,
    connector_id: UUID,
    kind: str,
    address: str,
    category: Category,
    name: str = "",
    is_default: bool = False,
    messages_per_second: float | None = None,
) -> Sender:
    """A new sender; the first of its channel and category is the default.

    `BadRequest` names the format rule it breaks or says that the provider does not know it, `Unauthenticated`
    that the connector's credentials are no longer valid, `Conflict` that it has none or that the sender exists.
    """
    actor.require("settings.manage")
    connector = await get_connector(services, actor, connector_id)
    sender = Sender(
        workspace_id=actor.workspace_id,
        connector_id=connector.id,
        kind=kind,
        address=await _checked_address(services, connector, kind, address),
        name=_checked_label(name),
        channel=connector.channel,
        category=category,
        messages_per_second=checked_rate(messages_per_second),
    )
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        await connector_in(session, actor, connector.id)
        await _refuse_doubles(session, sender)
        session.add(sender)
        present = await find_default_sender(session, actor.workspace_id, sender.channel, category)
        if is_default or present is None:
            await switch_default(session, sender)
        audit(session, actor, "sender.create", sender.id, _described(sender))
    return sender


async def update_sender(services: Services, actor: Actor, sender_id: UUID, changes: SenderChanges) -> Sender:
    """Changes a sender; a new kind or address is checked as for a new one."""
    actor.require("settings.manage")
    before = await get_sender(services, actor, sender_id)
    kind, address = changes.get("kind", before.kind), changes.get("address", before.address)
    if (kind, address) != (before.kind, before.address):
        connector = await get_connector(services, actor, before.connector_id)
        address = await _checked_address(services, connector, kind, address)
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        sender = await _the_sender(session, actor, sender_id)
        sender.kind, sender.address = kind, address
        if "name" in changes:
            sender.name = _checked_label(changes["name"])
        if "messages_per_second" in changes:
            sender.messages_per_second = checked_rate(changes["messages_per_second"])
        sender.updated_at = now()
        await _refuse_doubles(session, sender)
        audit(session, actor, "sender.update", sender.id, _described(sender))
    return sender


async def make_default(services: Services, actor: Actor, sender_id: UUID) -> Sender:
    """Makes it the default of its channel and category in place of the present one. Again is no error."""
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        sender = await _the_sender(session, actor, sender_id)
        if not sender.is_default:
            sender.updated_at = now()
            await switch_default(session, sender)
            audit(session, actor, "sender.default", sender.id, _described(sender))
    return sender


async def delete_sender(services: Services, actor: Actor, sender_id: UUID) -> None:
    """Deletes a sender; `Conflict` for the default one."""
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        sender = await _the_sender(session, actor, sender_id)
        if sender.is_default:
            raise Conflict(
                "the default sender cannot be deleted: make another sender the default first", code="default_sender"
            )
        sender.deleted_at = now()
        audit(session, actor, "sender.delete", sender.id, _described(sender))


async def _the_sender(session: AsyncSession, actor: Actor, sender_id: UUID) -> Sender:
    sender = await find_sender(session, actor.workspace_id, sender_id)
    if sender is None:
        raise NotFound("no such sender in this workspace", code="sender_not_found")
    return sender


async def _refuse_doubles(session: AsyncSession, sender: Sender) -> None:
    with session.no_autoflush:
        if await same_sender_exists(session, sender):
            raise Conflict("the connector has this sender already, for the same category", code="sender_exists")


async def _checked_address(services: Services, connector: Connector, kind: str, address: str) -> str:
    """The address as it is stored, after the rule of its kind and the provider's own word."""
    owner = provider(connector.provider)
    address = _well_formed(owner, kind, address)
    if connector.sealed_credentials is None:
        raise Conflict(
            f"the connector {connector.name!r} is not authenticated yet: save its credentials first",
            code=NOT_AUTHENTICATED,
        )
    connection = await services.connections.get(connector.id)
    wanted = SenderAddress(kind, address)
    await ask(owner, lambda: connection.check_sender(wanted), pause=services.settings.provider_check_retry_seconds)
    return address


def _well_formed(owner: Provider, kind: str, address: str) -> str:
    kinds = {each.key: each for each in owner.capabilities.sender_kinds}
    if kind not in kinds:
        raise _invalid_details(owner, FieldError("kind", f"is one of: {', '.join(kinds)}", "unknown_kind"))
    if len(address) > _LONGEST_ADDRESS or not address.isprintable():
        raise _invalid_details(owner, FieldError("address", f"has at most {_LONGEST_ADDRESS} printable characters"))
    try:
        return kinds[kind].check(address)
    except InvalidInput as error:
        raise _invalid_details(owner, *error.errors) from error


def _invalid_details(owner: Provider, *errors: FieldError) -> BadRequest:
    return BadRequest(f"Invalid {owner.name} Details", code="invalid_details", errors=errors)


def _checked_label(name: str) -> str:
    """A label may be empty."""
    name = name.strip()
    if len(name) > 200 or not name.isprintable():
        raise InvalidInput.of("name", "has at most 200 printable characters", "name")
    return name


def _described(sender: Sender) -> dict[str, object]:
    """For the audit trail: a sender is the workspace's own, not a person."""
    return {
        "kind": sender.kind,
        "address": sender.address,
        "category": sender.category.value,
        "is_default": sender.is_default,
        "messages_per_second": sender.messages_per_second,
    }
