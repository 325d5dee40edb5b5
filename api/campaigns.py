"""Campaigns: drafts, estimate, launch, and the life of a run."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import NumberPaging, PageAnswer, Paging, answer
from api.problems import documented
from heliograph.contracts import RunFigures
from heliograph.db.reports import MessageRow
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.ledger import MessageState
from heliograph.domain.message_parts import Encoding
from heliograph.domain.vocabulary import CampaignStatus, DeliveryType, RunStatus
from heliograph.services import campaigns, launching, runs
from heliograph.services.campaigns import CampaignView
from heliograph.services.provider_book import NotToBeHad, ProviderBook

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], responses=documented(401, 403, 422))

CampaignId = Annotated[UUID, Path(description="The campaign's id.")]


class RunAnswer(BaseModel):
    """One launch."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: RunStatus
    pause_reason: str | None
    start_at: datetime
    expires_at: datetime = Field(description="Later than this nothing is sent.")
    source_rows: int = Field(description="Rows of the audience when it was launched.")
    frozen_at: datetime | None
    sender_id: UUID
    sender_replaced: bool = Field(description="The chosen sender had been deleted: the default one sends.")
    closed_at: datetime | None


class CampaignAnswer(BaseModel):
    """A campaign."""

    id: UUID
    status: CampaignStatus
    delivery_type: DeliveryType
    version: int
    settings: CampaignSettings
    run: RunAnswer | None = Field(description="The newest launch; null for a draft.")
    created_at: datetime
    updated_at: datetime


class FiguresAnswer(BaseModel):
    """The counts of a run at one moment: the states add up to the source."""

    source_rows: int
    states: dict[MessageState, int]
    accepted: int = Field(description="Taken by a provider, whatever became of them.")
    in_doubt: int
    never_sent: int = Field(description="Cancelled before they were tried.")


class StopAnswer(FiguresAnswer):
    """What a stop did."""

    message: str = Field(examples=["stopped: 312 accepted, 0 in doubt, 599688 never sent"])


class EstimateAnswer(BaseModel):
    """What a launch now would do."""

    recipients: int
    duplicates: int
    suppressed: int
    messages: int = Field(description="Recipients who would get a message, as far as the sample shows.")
    refused: dict[str, int] = Field(description="In the sample: recipients who would get none, by reason.")
    sampled: int = Field(description="Recipients rendered for this estimate.")
    parts: int
    parts_per_message: float
    encodings: dict[Encoding, int] = Field(description="Messages of the sample by encoding.")
    cost: Decimal | None
    currency: str | None
    seconds: float | None = Field(description="At the speed limits; null without a limit.")
    notes: list[str]


class FailureAnswer(BaseModel):
    """One reason for which messages did not arrive."""

    model_config = ConfigDict(from_attributes=True)

    state: MessageState
    code: str = Field(description="The provider's code, or ours.")
    error_class: str | None
    message: str | None
    count: int


class TimingsAnswer(BaseModel):
    """Seconds; percentiles 50, 95 and 99."""

    model_config = ConfigDict(from_attributes=True)

    first_claim: datetime | None
    last_accept: datetime | None
    seconds: float
    messages_per_second: float
    claim_to_accept: tuple[float, float, float] | None
    accept_to_delivered: tuple[float, float, float] | None


class ReportAnswer(BaseModel):
    """What became of a run."""

    run: RunAnswer
    figures: FiguresAnswer
    failures: list[FailureAnswer]
    excluded: dict[str, int] = Field(description="Never sent, by reason.")
    timings: TimingsAnswer | None = Field(description="Once the run is closed.")
    temporal_url: str


class SampleAnswer(BaseModel):
    """How many, and the ids of the first few."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    ids: list[str]


class ComparisonAnswer(BaseModel):
    """The provider's own log beside the ledger."""

    model_config = ConfigDict(from_attributes=True)

    listed: int = Field(description="Messages that the provider lists for the run's sender and time.")
    of_this_run: int
    of_others: int = Field(description="Of other runs with the same sender.")
    accepted_in_ledger: int = Field(description="Messages of the run that the ledger counts as taken.")
    unknown_to_ledger: SampleAnswer = Field(description="Listed, and no message here; ids are the provider's.")
    missing_at_provider: SampleAnswer = Field(description="In the ledger, not at the provider; the provider's ids.")
    named_twice: SampleAnswer = Field(description="Provider's ids that stand for more than one try in the ledger.")
    sent_twice: SampleAnswer = Field(description="Messages that the provider has more than once; ids are ours.")
    resends_allowed: int = Field(description="Of these, sent again as the policy for messages in doubt allows.")


class ProviderBookAnswer(BaseModel):
    """The provider's own book."""

    agrees: bool | None = Field(description="Null when the book is not to be had.")
    reason: str | None = Field(description="Why it is not to be had; this says nothing about the run.")
    comparison: ComparisonAnswer | None
    found_when_asked: int = Field(description="Not listed, but there when asked for by id.")


class VerificationAnswer(BaseModel):
    """The books compared."""

    balanced: bool
    source_rows: int
    counted: int
    ledger: dict[MessageState, int]
    counters: dict[MessageState, int]
    frozen: dict[MessageState, int] | None
    moved_since_close: int = Field(description="Messages whose delivery changed by receipts that came late.")
    provider: ProviderBookAnswer | None = Field(description="Null unless asked for.")


class SpeedChange(BaseModel):
    """A new limit of the run; sender and connector keep theirs, the smallest wins."""

    messages_per_second: Annotated[float, Field(gt=0, le=100_000)] | None


class MessageAnswer(BaseModel):
    """A message as a list shows it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int = Field(description="The recipient's row in the audience.")
    address: str
    state: MessageState
    reason: str | None
    attempt: int
    provider_message_id: str | None
    provider_status: str | None
    error_code: str | None
    error_message: str | None
    parts: int | None
    claimed_at: datetime | None
    accepted_at: datetime | None
    final_at: datetime | None


@router.get("", summary="The workspace's campaigns")
async def list_campaigns(services: TheServices, actor: CurrentActor, paging: Paging) -> PageAnswer[CampaignAnswer]:
    """Newest first."""
    return answer(await campaigns.list_campaigns(services, actor, paging), _shown)


@router.post("", status_code=201, summary="Create a campaign as a draft")
async def create_campaign(services: TheServices, call: Idempotent, body: CampaignSettings) -> CampaignAnswer:
    """What it names must exist in this workspace; what it lacks can be added until the launch."""

    async def create() -> CampaignAnswer:
        return _shown(await campaigns.create_campaign(services, call.actor, body))

    return await call.once(CampaignAnswer, create, _again(services, call.actor))


@router.get("/{campaign_id}", summary="A campaign", responses=documented(404))
async def get_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> CampaignAnswer:
    """One campaign with its settings and newest run."""
    return _shown(await campaigns.get_campaign(services, actor, campaign_id))


@router.patch("/{campaign_id}", summary="Edit a draft", responses=documented(404, 409))
async def edit_campaign(
    services: TheServices, actor: CurrentActor, campaign_id: CampaignId, body: dict[str, Any]
) -> CampaignAnswer:
    """Give the settings that change. Each edit is a version; 409 once the campaign is launched."""
    return _shown(await campaigns.edit_campaign(services, actor, campaign_id, body))


@router.get("/{campaign_id}/estimate", summary="What a launch would do", responses=documented(404, 409))
async def estimate_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> EstimateAnswer:
    """Recipients, exclusions, parts, encodings, cost and time, from the rules of the freeze; nothing is written."""
    estimate = await launching.estimate_campaign(services, actor, campaign_id)
    return EstimateAnswer(
        recipients=estimate.recipients.rows,
        duplicates=estimate.recipients.duplicates,
        suppressed=estimate.recipients.suppressed,
        messages=estimate.messages,
        refused=dict(estimate.rendered.refusals),
        sampled=estimate.sampled,
        parts=estimate.parts,
        parts_per_message=estimate.rendered.parts_per_message,
        encodings=dict(estimate.rendered.encodings),
        cost=estimate.cost,
        currency=estimate.currency,
        seconds=estimate.seconds,
        notes=estimate.notes,
    )


@router.post("/{campaign_id}/launch", summary="Launch", responses=documented(404, 409))
async def launch_campaign(services: TheServices, call: Idempotent, campaign_id: CampaignId) -> CampaignAnswer:
    """Pins template version, audience and sender, and starts. Of two launches at once, one gets 409."""

    async def launch() -> CampaignAnswer:
        return _shown(await launching.launch_campaign(services, call.actor, campaign_id))

    return await call.once(CampaignAnswer, launch, _again(services, call.actor))


@router.post("/{campaign_id}/pause", summary="Pause", responses=documented(404, 409, 503))
async def pause_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> FiguresAnswer:
    """Answers when what was in flight is recorded, with the exact counts."""
    return _counted(await runs.pause_campaign(services, actor, campaign_id))


@router.post("/{campaign_id}/resume", summary="Resume", responses=documented(404, 409, 503))
async def resume_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> FiguresAnswer:
    """Goes on where the run stood."""
    return _counted(await runs.resume_campaign(services, actor, campaign_id))


@router.post("/{campaign_id}/stop", summary="Stop for good", responses=documented(404, 409, 503))
async def stop_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> StopAnswer:
    """What is in flight is recorded, the rest is cancelled; the answer says how many of each."""
    figures = await runs.stop_campaign(services, actor, campaign_id)
    return StopAnswer(**_counted(figures).model_dump(), message=stopped(figures))


@router.put("/{campaign_id}/speed", status_code=204, summary="Change the speed", responses=documented(404, 409, 503))
async def change_speed(services: TheServices, actor: CurrentActor, campaign_id: CampaignId, body: SpeedChange) -> None:
    """In force with the next chunk of every worker."""
    await runs.change_speed(services, actor, campaign_id, body.messages_per_second)


@router.post("/{campaign_id}/archive", summary="Archive", responses=documented(404, 409))
async def archive_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> CampaignAnswer:
    """Puts a campaign away that is a draft or over."""
    return _shown(await campaigns.archive_campaign(services, actor, campaign_id))


@router.get("/{campaign_id}/report", summary="What became of it", responses=documented(404))
async def report_campaign(services: TheServices, actor: CurrentActor, campaign_id: CampaignId) -> ReportAnswer:
    """Counts by state, failure reasons with the provider's codes, rates and times."""
    report = await runs.report_campaign(services, actor, campaign_id)
    return ReportAnswer(
        run=RunAnswer.model_validate(report.run),
        figures=_counted(report.figures),
        failures=[FailureAnswer.model_validate(failure) for failure in report.failures],
        excluded=report.excluded,
        timings=TimingsAnswer.model_validate(report.timings) if report.timings else None,
        temporal_url=report.temporal_url,
    )


@router.get("/{campaign_id}/verify", summary="Prove it", responses=documented(404))
async def verify_campaign(
    services: TheServices,
    actor: CurrentActor,
    campaign_id: CampaignId,
    provider: Annotated[
        bool, Query(description="Compare with the provider's own log too: a request there per thousand messages.")
    ] = False,
) -> VerificationAnswer:
    """Counts the ledger anew and compares it with the source, the counters and the totals frozen at the close.

    With `provider` also with the provider's own log, once the run is closed; takes the permission to manage campaigns.
    """
    found = await runs.verify_campaign(services, actor, campaign_id, with_provider=provider)
    return VerificationAnswer(
        balanced=found.balanced,
        source_rows=found.books.source_rows,
        counted=found.books.counted,
        ledger=runs.by_state(found.books.ledger),
        counters=runs.by_state(found.books.counters),
        frozen=None if found.frozen is None else runs.by_state(found.frozen),
        moved_since_close=found.moved_since,
        provider=_provider_book(found.provider),
    )


@router.get("/{campaign_id}/messages", summary="The run's messages", responses=documented(404))
async def list_campaign_messages(
    services: TheServices,
    actor: CurrentActor,
    campaign_id: CampaignId,
    paging: NumberPaging,
    state: Annotated[MessageState | None, Query(description="Only in this state.")] = None,
) -> PageAnswer[MessageAnswer]:
    """In the order of the audience's rows."""
    page = await runs.list_messages(services, actor, campaign_id, state, paging)
    return answer(page, _message)


def _provider_book(found: ProviderBook | NotToBeHad | None) -> ProviderBookAnswer | None:
    if found is None:
        return None
    if isinstance(found, NotToBeHad):
        return ProviderBookAnswer(agrees=None, reason=found.reason, comparison=None, found_when_asked=0)
    return ProviderBookAnswer(
        agrees=found.agrees,
        reason=None,
        comparison=ComparisonAnswer.model_validate(found.comparison),
        found_when_asked=found.found_when_asked,
    )


def stopped(figures: RunFigures) -> str:
    """The answer to a stop, in words."""
    return f"stopped: {figures.accepted} accepted, {figures.in_doubt} in doubt, {figures.never_sent} never sent"


def _message(row: MessageRow) -> MessageAnswer:
    return MessageAnswer.model_validate(row)


def _shown(found: CampaignView) -> CampaignAnswer:
    campaign = found.campaign
    return CampaignAnswer(
        id=campaign.id,
        status=campaign.status,
        delivery_type=campaign.delivery_type,
        version=campaign.current_version,
        settings=found.settings,
        run=RunAnswer.model_validate(found.run) if found.run else None,
        created_at=campaign.created_at,
        updated_at=campaign.updated_at,
    )


def _again(services: TheServices, actor: CurrentActor) -> Any:
    async def again(campaign_id: UUID) -> CampaignAnswer:
        return _shown(await campaigns.get_campaign(services, actor, campaign_id))

    return again


def _counted(figures: RunFigures) -> FiguresAnswer:
    return FiguresAnswer(
        source_rows=figures.source_rows,
        states=figures.states,
        accepted=figures.accepted,
        in_doubt=figures.in_doubt,
        never_sent=figures.never_sent,
    )
