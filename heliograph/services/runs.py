"""A launched campaign: pause, resume, stop, change of speed with exact answers; its report; its proof."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from heliograph.contracts import CampaignLaunch, PauseRequest, RunFigures, SpeedRequest, campaign_workflow_id
from heliograph.db import reports, runs
from heliograph.db.counters import Figure, read_figures
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Run
from heliograph.domain.ledger import EXCLUDED, MessageState
from heliograph.errors import Conflict, NotFound, Unavailable
from heliograph.services.campaigns import CampaignView, get_campaign, require_status
from heliograph.services.context import Actor, Services, audit
from heliograph.services.provider_book import NotToBeHad, ProviderBook, read_provider_book
from heliograph.services.starting import start_campaign
from heliograph.settings import Settings

_PATIENCE = timedelta(minutes=5)
"""How long a caller waits for an update. It goes on without them; asking again shows how it ended."""


async def pause_campaign(services: Services, actor: Actor, campaign_id: UUID) -> RunFigures:
    """Claims nothing more; answers when what was in flight is recorded."""
    run, handle = await _change(services, actor, campaign_id, "pause")
    figures = await _update(handle, "pause", PauseRequest(reason=f"paused by {actor.name}"))
    await _note(services, actor, "campaign.pause", campaign_id, run)
    return figures


async def resume_campaign(services: Services, actor: Actor, campaign_id: UUID) -> RunFigures:
    """Goes on where the run stood."""
    run, handle = await _change(services, actor, campaign_id, "resume")
    figures = await _update(handle, "resume")
    await _note(services, actor, "campaign.resume", campaign_id, run)
    return figures


async def stop_campaign(services: Services, actor: Actor, campaign_id: UUID) -> RunFigures:
    """Ends sending for good. The answer counts what was accepted, what is in doubt, and what was never sent."""
    run, handle = await _change(services, actor, campaign_id, "stop")
    figures = await _update(handle, "stop")
    await _note(services, actor, "campaign.stop", campaign_id, run)
    return figures


async def change_speed(services: Services, actor: Actor, campaign_id: UUID, messages_per_second: float | None) -> None:
    """A new limit for the run alone; sender and connector keep theirs, and the smallest wins."""
    run, handle = await _change(services, actor, campaign_id, "change the speed of")
    await _update(handle, "change_speed", SpeedRequest(messages_per_second=messages_per_second), answers=False)
    await _note(services, actor, "campaign.change_speed", campaign_id, run)


@dataclass(frozen=True)
class Report:
    """What became of a run, read from its counters; times from the ledger."""

    run: Run
    figures: RunFigures
    details: list[Figure]  # by state and code: exclusion reasons, the provider's error codes
    failures: list[reports.Failure]
    timings: reports.Timings | None  # once the run is closed
    temporal_url: str

    @property
    def excluded(self) -> dict[str, int]:
        """Never sent, by reason."""
        return {figure.code: figure.count for figure in self.details if figure.state in EXCLUDED}


async def report_campaign(services: Services, actor: Actor, campaign_id: UUID) -> Report:
    """The figures of the newest run. Acceptance is frozen at the close; delivery is as of now."""
    found = await get_campaign(services, actor, campaign_id)
    run = _launched(found)
    async with services.database.pool.acquire() as connection:
        details = await read_figures(connection, run.id)
        failures = await reports.read_failures(connection, run.id, details)
        timings = await reports.read_timings(connection, run.id) if run.closed_at else None
    return Report(
        run=run,
        figures=RunFigures(source_rows=run.source_rows, states=by_state(details)),
        details=details,
        failures=failures,
        timings=timings,
        temporal_url=temporal_url(services.settings, run.id),
    )


@dataclass(frozen=True)
class Verification:
    """The books compared: the source, the ledger counted anew, the counters, the totals frozen at the close."""

    run: Run
    books: runs.Books
    frozen: list[Figure] | None  # None: the run is not closed
    moved_since: int  # messages whose delivery changed after the close, by receipts that came late
    provider: ProviderBook | NotToBeHad | None = None  # None: not asked for

    @property
    def balanced(self) -> bool:
        """Every recipient of the source in exactly one state, and the books that are to be had agree."""
        return (
            self.books.balanced()
            and (self.frozen is None or sum(f.count for f in self.frozen) == self.books.counted)
            and (not isinstance(self.provider, ProviderBook) or self.provider.agrees)
        )


async def verify_campaign(
    services: Services,
    actor: Actor,
    campaign_id: UUID,
    *,
    with_provider: bool = False,
    progressed: Callable[[int], object] = lambda _: None,
) -> Verification:
    """Counts the run's ledger anew and compares; on request with the provider's own log too.

    That log is asked for page by page, at the provider's pace: minutes for a million messages. `progressed` hears how
    many it has listed.
    """
    if with_provider:
        actor.require("campaigns.manage")  # it spends the account's request rate
    found = await get_campaign(services, actor, campaign_id)
    run = _launched(found)
    async with services.database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        books = await runs.read_books(connection, run.id)
    frozen = None
    if run.totals is not None:
        frozen = [
            Figure(MessageState(item["state"]), item["code"], item["count"], item["parts"])
            for item in run.totals["figures"]
        ]
    book = await read_provider_book(services, run.id, progressed=progressed) if with_provider else None
    return Verification(run, books, frozen, _moved(frozen, books.ledger), book)


async def list_messages(
    services: Services, actor: Actor, campaign_id: UUID, state: MessageState | None, request: PageRequest[int]
) -> Page[reports.MessageRow, int]:
    """The run's messages in the order of its recipients."""
    found = await get_campaign(services, actor, campaign_id)
    run = _launched(found)
    async with services.database.pool.acquire() as connection:
        return await reports.page_messages(connection, run.id, state, request)


def by_state(figures: list[Figure]) -> dict[MessageState, int]:
    """Messages by state, whatever their codes."""
    states: dict[MessageState, int] = {}
    for figure in figures:
        states[figure.state] = states.get(figure.state, 0) + figure.count
    return states


def temporal_url(settings: Settings, run_id: UUID) -> str:
    """Where an operator sees the run in the Temporal UI."""
    workflow = campaign_workflow_id(run_id).replace("/", "%2F")
    return f"{settings.temporal_ui_url.rstrip('/')}/namespaces/{settings.temporal_namespace}/workflows/{workflow}"


# -- asking the workflow


async def _change(
    services: Services, actor: Actor, campaign_id: UUID, verb: str
) -> tuple[Run, WorkflowHandle[object, object]]:
    actor.require("campaigns.manage")
    found = await get_campaign(services, actor, campaign_id)
    require_status(found.campaign, verb)
    run = _launched(found)
    # A launch whose start was not told yet is told now; a run that is there is left alone.
    await start_campaign(
        services.temporal,
        CampaignLaunch(
            workspace_id=run.workspace_id,
            run_id=run.id,
            campaign_id=run.campaign_id,
            campaign_name=found.campaign.name,
            channel=run.channel,
            category=run.category,
            start_at=run.start_at,
            source_rows=run.source_rows,
        ),
    )
    return run, services.temporal.get_workflow_handle(campaign_workflow_id(run.id))


async def _update(
    handle: WorkflowHandle[object, object],
    name: str,
    request: PauseRequest | SpeedRequest | None = None,
    *,
    answers: bool = True,
) -> RunFigures:
    arguments = [] if request is None else [request]
    try:
        answer = await handle.execute_update(
            name, args=arguments, result_type=RunFigures if answers else None, rpc_timeout=_PATIENCE
        )
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        detail = cause.message if isinstance(cause, ApplicationError) else str(cause)
        raise Conflict(detail, code="campaign_status") from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise Unavailable("the run has not answered yet; it goes on with this: look at the campaign again") from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Conflict("the run is closed", code="campaign_status") from error
        raise
    return RunFigures.model_validate(answer) if answers else RunFigures(source_rows=0, states={})


async def _note(services: Services, actor: Actor, action: str, campaign_id: UUID, run: Run) -> None:
    async with services.database.unit_of_work() as session:
        audit(session, actor, action, campaign_id, {"run_id": str(run.id)})


def _launched(found: CampaignView) -> Run:
    if found.run is None:
        raise NotFound("this campaign has not been launched yet", code="run_not_found")
    return found.run


def _moved(frozen: list[Figure] | None, ledger: list[Figure]) -> int:
    if frozen is None:
        return 0
    then = {(figure.state, figure.code): figure.count for figure in frozen}
    now = {(figure.state, figure.code): figure.count for figure in ledger}
    return sum(max(0, count - then.get(cell, 0)) for cell, count in now.items())
