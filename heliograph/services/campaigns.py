"""Campaigns: made as drafts, edited, listed, archived."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db import campaigns
from heliograph.db.audiences import find_audience
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Campaign, CampaignVersion, Run
from heliograph.db.tables.base import now
from heliograph.domain.campaigns import ALLOWED_IN, SCHEMA_VERSION, CampaignSettings
from heliograph.domain.vocabulary import CampaignStatus, DeliveryType
from heliograph.errors import Conflict, FieldError, InvalidInput, NotFound
from heliograph.services.campaign_callbacks import check_callbacks
from heliograph.services.context import Actor, Services, audit


@dataclass(frozen=True)
class CampaignView:
    """A campaign with its settings and, once launched, its run."""

    campaign: Campaign
    settings: CampaignSettings
    run: Run | None


async def create_campaign(services: Services, actor: Actor, settings: CampaignSettings) -> CampaignView:
    """A draft. What it names must exist in the workspace; what it lacks may be added until the launch."""
    actor.require("campaigns.manage")
    check_callbacks(services.settings, settings)
    async with services.database.unit_of_work() as session:
        await _check_references(session, actor.workspace_id, settings)
        campaign = Campaign(
            workspace_id=actor.workspace_id,
            name=settings.name,
            status=CampaignStatus.DRAFT,
            delivery_type=DeliveryType.ONE_TIME,
            channel=settings.channel,
            category=settings.category,
        )
        session.add(campaign)
        await session.flush()
        session.add(_version(campaign, settings))
        audit(session, actor, "campaign.create", campaign.id, {"name": campaign.name})
    return CampaignView(campaign, settings, None)


async def edit_campaign(
    services: Services, actor: Actor, campaign_id: UUID, changes: Mapping[str, Any]
) -> CampaignView:
    """Changes a draft; each edit is a version of its own. A launched campaign keeps what it was launched with."""
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        campaign = await _found(session, actor, campaign_id, lock=True)
        require_status(campaign, "edit")
        version = await campaigns.find_version(session, campaign)
        settings = _merged(version.document, changes)
        check_callbacks(services.settings, settings)
        await _check_references(session, actor.workspace_id, settings)
        campaign.name, campaign.category = settings.name, settings.category
        campaign.current_version += 1
        campaign.updated_at = now()
        session.add(_version(campaign, settings))
        audit(
            session,
            actor,
            "campaign.edit",
            campaign.id,
            {"changed": sorted(changes), "version": campaign.current_version},
        )
    return CampaignView(campaign, settings, None)


async def get_campaign(services: Services, actor: Actor, campaign_id: UUID) -> CampaignView:
    """One campaign."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await view(session, await _found(session, actor, campaign_id))


async def list_campaigns(services: Services, actor: Actor, request: PageRequest[UUID]) -> Page[CampaignView, UUID]:
    """The workspace's campaigns, newest first."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        page = await campaigns.page_campaigns(session, actor.workspace_id, request)
        return Page([await view(session, campaign) for campaign in page.items], page.next)


async def archive_campaign(services: Services, actor: Actor, campaign_id: UUID) -> CampaignView:
    """Puts a campaign away; its ledger stays."""
    actor.require("campaigns.manage")
    async with services.database.unit_of_work() as session:
        campaign = await _found(session, actor, campaign_id, lock=True)
        require_status(campaign, "archive")
        campaign.status, campaign.updated_at = CampaignStatus.ARCHIVED, now()
        audit(session, actor, "campaign.archive", campaign.id)
        return await view(session, campaign)


async def view(session: AsyncSession, campaign: Campaign) -> CampaignView:
    """The campaign with its settings and newest run."""
    version = await campaigns.find_version(session, campaign)
    return CampaignView(
        campaign,
        CampaignSettings.model_validate(version.document),
        await campaigns.latest_run(session, campaign.id),
    )


def require_status(campaign: Campaign, verb: str) -> None:
    """Raises `Conflict` unless the campaign's status allows the verb."""
    if campaign.status not in ALLOWED_IN[verb]:
        allowed = ", ".join(sorted(status.value for status in ALLOWED_IN[verb]))
        raise Conflict(
            f"cannot {verb} a campaign that is {campaign.status.value}: it must be {allowed}", code="campaign_status"
        )


async def _found(session: AsyncSession, actor: Actor, campaign_id: UUID, *, lock: bool = False) -> Campaign:
    campaign = await campaigns.find_campaign(session, actor.workspace_id, campaign_id, lock=lock)
    if campaign is None:
        raise NotFound("no such campaign in this workspace", code="campaign_not_found")
    return campaign


def _version(campaign: Campaign, settings: CampaignSettings) -> CampaignVersion:
    return CampaignVersion(
        workspace_id=campaign.workspace_id,
        campaign_id=campaign.id,
        number=campaign.current_version,
        schema_version=SCHEMA_VERSION,
        document=settings.model_dump(mode="json"),
    )


def _merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> CampaignSettings:
    try:
        return CampaignSettings.model_validate({**document, **changes})
    except ValidationError as error:
        broken = [
            FieldError(".".join(map(str, item["loc"])) or "schedule", item["msg"], item["type"])
            for item in error.errors()
        ]
        raise InvalidInput("; ".join(f"{item.field}: {item.rule}" for item in broken), errors=broken) from error


async def _check_references(session: AsyncSession, workspace_id: UUID, settings: CampaignSettings) -> None:
    """Everything that is named is there, in this workspace."""
    missing = []
    if settings.template_id is not None and not await campaigns.find_template_version(
        session, workspace_id, settings.template_id, settings.template_version
    ):
        field = "template_id" if settings.template_version is None else "template_version"
        missing.append(FieldError(field, "no such template version in this workspace", "not_found"))
    if settings.audience_id is not None and not await find_audience(session, workspace_id, settings.audience_id):
        missing.append(FieldError("audience_id", "no such audience in this workspace", "not_found"))
    if settings.sender_id is not None and not await campaigns.sender_exists(session, workspace_id, settings.sender_id):
        missing.append(FieldError("sender_id", "no such sender in this workspace", "not_found"))
    if missing:
        raise InvalidInput("; ".join(f"{item.field}: {item.rule}" for item in missing), errors=missing)
