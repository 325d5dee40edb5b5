"""Launching: what a campaign would do, and the commit after which it does it."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.service import RPCError

from heliograph.contracts import CampaignLaunch
from heliograph.db import campaigns
from heliograph.db.audiences import find_audience, find_running_import
from heliograph.db.outbox import CAMPAIGN_START
from heliograph.db.tables import Audience, Campaign, Outbox, Run, TemplateVersion
from heliograph.db.tables.base import now
from heliograph.db.templates import find_template
from heliograph.domain.campaigns import CampaignSettings, in_doubt_limit
from heliograph.domain.vocabulary import CampaignStatus, Schedule
from heliograph.errors import Conflict, FieldError, InvalidInput, NotFound
from heliograph.rendering.estimate import PartsEstimate, estimate_parts
from heliograph.services.campaign_callbacks import ask_for_callbacks
from heliograph.services.campaigns import CampaignView, get_campaign, require_status, view
from heliograph.services.context import Actor, Services, audit
from heliograph.services.starting import start_campaign
from heliograph.services.templates import compiled_version

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 3.0
_SAMPLE = 2_000
"""Recipients rendered for an estimate: all of a small audience, an even spread of a large one."""


@dataclass(frozen=True)
class Estimate:
    """What a launch now would do. With `sampled` the parts are extrapolated from an even spread."""

    recipients: campaigns.Recipients
    sampled: int
    rendered: PartsEstimate
    parts: int
    cost: Decimal | None  # None: the connector has no prices
    currency: str | None
    seconds: float | None  # at the speed limits that are set; None: no limit is
    notes: list[str] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """Recipients who would get a message, as far as the rendered sample shows."""
        share = self.rendered.messages / self.rendered.recipients if self.rendered.recipients else 0.0
        return round(self.recipients.sendable * share)


async def estimate_campaign(services: Services, actor: Actor, campaign_id: UUID) -> Estimate:
    """Counts recipients, exclusions, parts, encodings, cost and time, without writing to the ledger."""
    found = await get_campaign(services, actor, campaign_id)
    async with services.database.unit_of_work() as session:
        chosen = await _choose(session, found.campaign, found.settings)
    database, audience = services.database, chosen.audience
    recipients = await campaigns.count_recipients(
        database.pool,
        actor.workspace_id,
        audience.id,
        audience.row_count,
        found.settings.channel,
        chosen.sending.sender.id,
    )
    sample = await campaigns.sample_variables(database.pool, audience.id, audience.row_count, _SAMPLE)
    rendered = estimate_parts(compiled_version(chosen.template), sample)
    return _estimate(found.settings, chosen, recipients, rendered)


async def launch_campaign(services: Services, actor: Actor, campaign_id: UUID) -> CampaignView:
    """Pins everything and makes the run in one commit, with the outbox row that starts its workflow.

    Of two launches at once one wins and the other gets `Conflict`: the row of the campaign is locked, and a partial
    unique index allows one open run per campaign.
    """
    actor.require("campaigns.manage")
    try:
        async with services.database.unit_of_work() as session:
            campaign = await campaigns.find_campaign(session, actor.workspace_id, campaign_id, lock=True)
            if campaign is None:
                raise NotFound("no such campaign in this workspace", code="campaign_not_found")
            require_status(campaign, "launch")
            settings = (await view(session, campaign)).settings
            run = await _make_run(session, actor, campaign, settings)
            await ask_for_callbacks(session, services.key_ring, run, settings)
            launch = _launch(campaign, run)
            session.add(
                Outbox(
                    workspace_id=actor.workspace_id,
                    topic=CAMPAIGN_START,
                    key=str(run.id),
                    payload=launch.model_dump(mode="json"),
                )
            )
            audit(
                session, actor, "campaign.launch", campaign.id, {"run_id": str(run.id), "recipients": run.source_rows}
            )
    except IntegrityError as error:
        if "uq_run_open" not in str(error.orig):
            raise
        raise Conflict("this campaign has been launched already", code="campaign_status") from error
    await _start_soon(services, launch)
    return CampaignView(campaign, settings, run)


async def _start_soon(services: Services, launch: CampaignLaunch) -> None:
    """Starts the workflow at once; if Temporal is away, the outbox row does it later. The run is committed already."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await start_campaign(services.temporal, launch)
    except (RPCError, TimeoutError, RuntimeError) as error:  # RuntimeError: a client that never got through
        _log.warning("run %s starts when the dispatcher tells it: %s", launch.run_id, type(error).__name__)


@dataclass(frozen=True)
class _Choice:
    """What a run would be made of."""

    audience: Audience
    template: TemplateVersion
    sending: campaigns.SendingSender


async def _make_run(session: AsyncSession, actor: Actor, campaign: Campaign, settings: CampaignSettings) -> Run:
    chosen = await _choose(session, campaign, settings)
    start_at = _start(settings)
    version = await campaigns.find_version(session, campaign)
    run = Run(
        workspace_id=actor.workspace_id,
        campaign_id=campaign.id,
        campaign_version_id=version.id,
        template_version_id=chosen.template.id,
        audience_id=chosen.audience.id,
        sender_id=chosen.sending.sender.id,
        connector_id=chosen.sending.connector.id,
        channel=campaign.channel,
        category=campaign.category,
        routed=settings.sender_id is None,
        sender_replaced=chosen.sending.replaced,
        start_at=start_at,
        expires_at=start_at + timedelta(seconds=settings.expire_after_seconds),
        receipt_window=settings.receipt_window_seconds,
        in_doubt_limit=in_doubt_limit(settings, chosen.audience.row_count),
        messages_per_second=settings.messages_per_second,
        source_rows=chosen.audience.row_count,
    )
    session.add(run)
    campaign.status, campaign.updated_at = CampaignStatus.SCHEDULED, now()
    await session.flush()
    return run


async def _choose(session: AsyncSession, campaign: Campaign, settings: CampaignSettings) -> _Choice:
    """Everything a run pins; `InvalidInput` names each field that is missing, all at once."""
    workspace_id = campaign.workspace_id
    missing: list[FieldError] = []
    audience = None
    template = await _template(session, workspace_id, settings, missing)
    if settings.audience_id is not None:
        audience = await find_audience(session, workspace_id, settings.audience_id)
    if audience is None:
        missing.append(FieldError("audience_id", "a campaign needs an audience: choose one", "required"))
    elif await find_running_import(session, audience.id) is not None:
        raise Conflict("the audience is still being imported: launch when it is done", code="import_running")
    elif audience.row_count == 0:
        missing.append(FieldError("audience_id", "the audience has no recipients: import a file first", "empty"))
    sending = await campaigns.find_sender(
        session, workspace_id, settings.sender_id, settings.channel, settings.category
    )
    if sending is None:
        rule = f"there is no sender, and no default for {settings.channel.value} {settings.category.value}: make one"
        missing.append(FieldError("sender_id", rule, "required"))
    elif sending.connector.sealed_credentials is None:
        rule = f"the connector {sending.connector.name!r} is not authenticated: save its credentials first"
        missing.append(FieldError("sender_id", rule, "connector_not_authenticated"))
    if missing or template is None or audience is None or sending is None:
        raise InvalidInput("; ".join(f"{item.field}: {item.rule}" for item in missing), errors=missing)
    return _Choice(audience, template, sending)


async def _template(
    session: AsyncSession, workspace_id: UUID, settings: CampaignSettings, missing: list[FieldError]
) -> TemplateVersion | None:
    """The version to pin; none of a template that is out of use."""
    version = template = None
    if settings.template_id is not None:
        template = await find_template(session, workspace_id, settings.template_id)
        version = await campaigns.find_template_version(
            session, workspace_id, settings.template_id, settings.template_version
        )
    if template is None or version is None:
        missing.append(FieldError("template_id", "a campaign needs a template: choose one", "required"))
    elif template.archived_at is not None:
        missing.append(FieldError("template_id", "the template is archived: choose another", "archived"))
    return version


def _start(settings: CampaignSettings) -> datetime:
    if settings.schedule is Schedule.ASAP:
        return now()
    assert settings.send_at is not None
    if settings.send_at <= now():
        raise InvalidInput.of("send_at", "lies in the past: choose a later instant, or the schedule ASAP", "past")
    return settings.send_at


def _launch(campaign: Campaign, run: Run) -> CampaignLaunch:
    return CampaignLaunch(
        workspace_id=run.workspace_id,
        run_id=run.id,
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        channel=run.channel,
        category=run.category,
        start_at=run.start_at,
        source_rows=run.source_rows,
    )


def _estimate(
    settings: CampaignSettings, chosen: _Choice, recipients: campaigns.Recipients, rendered: PartsEstimate
) -> Estimate:
    share = rendered.messages / rendered.recipients if rendered.recipients else 0.0
    parts = round(recipients.sendable * share * rendered.parts_per_message)
    configuration = chosen.sending.connector.configuration
    cost: Decimal | None = Decimal(0)
    for region, count in recipients.regions.items():
        price = campaigns.price_of(configuration, region)
        if price is None or cost is None:
            cost = None
            break
        cost += price * Decimal(count * share * rendered.parts_per_message)
    notes = []
    if cost is None:
        notes.append("no cost: the connector has no prices (configuration.prices)")
    if chosen.sending.replaced:
        notes.append("the chosen sender was deleted: the default sender is used")
    if rendered.recipients < recipients.rows - recipients.duplicates:
        notes.append(f"parts are extrapolated from {rendered.recipients} recipients spread over the audience")
    return Estimate(
        recipients=recipients,
        sampled=rendered.recipients,
        rendered=rendered,
        parts=parts,
        cost=None if cost is None else cost.quantize(Decimal("0.01")),
        currency=configuration.get("currency"),
        seconds=_seconds(settings, chosen, recipients.sendable * share, parts),
        notes=notes,
    )


def _seconds(settings: CampaignSettings, chosen: _Choice, messages: float, parts: int) -> float | None:
    """Time at the slowest limit; sender and connector count parts."""
    limits = [
        (messages, settings.messages_per_second),
        (parts, chosen.sending.sender.messages_per_second),
        (parts, chosen.sending.connector.messages_per_second),
    ]
    return max((amount / speed for amount, speed in limits if speed is not None), default=None)
