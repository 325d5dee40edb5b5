"""Suppressions: addresses that must not be sent to, as people asked for it themselves or somebody set it."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.pages import Page, PageRequest
from heliograph.db.senders import find_sender, lock_senders
from heliograph.db.suppressions import MANUAL, find_same, find_suppression, page_suppressions
from heliograph.db.tables import Suppression
from heliograph.db.workspaces import find_workspace
from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput, NotFound
from heliograph.services.context import Actor, Services, audit
from heliograph.services.message_requests import checked_address


async def list_suppressions(
    services: Services,
    actor: Actor,
    request: PageRequest[UUID],
    *,
    address: str | None = None,
    sender_id: UUID | None = None,
    channel: Channel | None = None,
    reason: str | None = None,
) -> Page[Suppression, UUID]:
    """The workspace's suppressions, newest first; an address is given as it is stored."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await page_suppressions(
            session,
            actor.workspace_id,
            request,
            address=address,
            sender_id=sender_id,
            channel=channel,
            reason=reason,
        )


async def get_suppression(services: Services, actor: Actor, suppression_id: UUID) -> Suppression:
    """One of the workspace's."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await _the_suppression(session, actor, suppression_id)


async def suppress(
    services: Services, actor: Actor, *, channel: Channel, address: str, sender_id: UUID | None = None
) -> Suppression:
    """Nothing more is sent to the address, by any sender or by this one, until somebody lifts it: a START does not.

    An address that asked for it itself is from now on suppressed by hand. `InvalidInput` names the rule an address
    or sender breaks.
    """
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        workspace = await find_workspace(session, actor.workspace_id)
        wanted = Suppression(
            workspace_id=actor.workspace_id,
            channel=channel,
            address=_checked(channel, address, workspace.default_region if workspace else None),
            sender_id=sender_id,
            reason=MANUAL,
            source=actor.name,
        )
        if sender_id is not None:
            await _check_sender(session, actor, channel, sender_id)
        await lock_senders(session, actor.workspace_id)  # two that set the same at once make one
        present = await find_same(session, wanted)
        if present is None:
            session.add(wanted)
        else:
            present.reason, present.source = wanted.reason, wanted.source
        found = present or wanted
        audit(session, actor, "suppression.create", found.id, _described(found))
    return found


async def lift(services: Services, actor: Actor, suppression_id: UUID) -> None:
    """The address may be sent to again, whoever had it suppressed."""
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        suppression = await _the_suppression(session, actor, suppression_id, lock=True)
        await session.delete(suppression)
        audit(session, actor, "suppression.delete", suppression.id, _described(suppression))


async def _the_suppression(
    session: AsyncSession, actor: Actor, suppression_id: UUID, *, lock: bool = False
) -> Suppression:
    found = await find_suppression(session, actor.workspace_id, suppression_id, lock=lock)
    if found is None:
        raise NotFound("no such suppression in this workspace", code="suppression_not_found")
    return found


async def _check_sender(session: AsyncSession, actor: Actor, channel: Channel, sender_id: UUID) -> None:
    sender = await find_sender(session, actor.workspace_id, sender_id)
    if sender is None:
        raise InvalidInput.of("sender_id", "is not a sender of this workspace", "sender_not_found")
    if sender.channel is not channel:
        raise InvalidInput.of("sender_id", f"sends {sender.channel.value}, not {channel.value}", "channel")


def _checked(channel: Channel, address: str, region: str | None) -> str:
    try:
        return checked_address(channel, address, region)
    except InvalidInput as error:
        raise InvalidInput.of("address", error.errors[0].rule, error.errors[0].code) from error


def _described(suppression: Suppression) -> dict[str, object]:
    """For the audit trail, which holds no addresses."""
    return {
        "channel": suppression.channel.value,
        "sender_id": str(suppression.sender_id) if suppression.sender_id else None,
        "reason": suppression.reason,
    }
