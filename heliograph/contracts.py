"""The frozen models that cross Temporal, the names of lanes, and the builders of workflow ids.

Fields are only ever added, with defaults. Ids, counts, enumerations and instants only: no personal data.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from heliograph.domain.batches import BatchRange
from heliograph.domain.ledger import OPEN, TAKEN, MessageState
from heliograph.domain.vocabulary import Category, Channel, RunStatus


class Lane(StrEnum):
    """A task queue with its own workers."""

    OTP = "otp"
    TRANSACTIONAL = "transactional"
    BULK = "bulk"
    CONTROL = "control"


LANE_OF_CATEGORY = {
    Category.OTP: Lane.OTP,
    Category.TRANSACTIONAL: Lane.TRANSACTIONAL,
    Category.PROMOTIONAL: Lane.BULK,
}


def campaign_workflow_id(run_id: UUID) -> str:
    """One workflow per run."""
    return f"campaign/{run_id}"


def export_workflow_id(export_id: UUID) -> str:
    """One workflow per export of a report."""
    return f"export/{export_id}"


def import_workflow_id(import_id: UUID) -> str:
    """One workflow per import."""
    return f"import/{import_id}"


def direct_workflow_id(category: Category) -> str:
    """One workflow per category."""
    return f"direct/{category.value}"


def listen_workflow_id(connector_id: UUID) -> str:
    """One workflow per connector whose provider tells things over an open connection."""
    return f"listen/{connector_id}"


def polling_workflow_id(connector_id: UUID) -> str:
    """One workflow per connector, while something is awaited there."""
    return f"polling/{connector_id}"


def webhook_workflow_id(webhook_id: UUID) -> str:
    """One workflow per webhook."""
    return f"webhook/{webhook_id}"


DELIVERY_REPORT_WORKFLOW_ID = "delivery-reports"
DISPATCH_WORKFLOW_ID = "dispatch"
SWEEPER_WORKFLOW_ID = "sweeper"
WEBHOOKS_WORKFLOW_ID = "webhooks"
WEBHOOKS_QUEUE = "webhooks"
"""Polled by every worker of the lane `control`, with slots of their own: a slow receiver holds up nobody else."""


class Contract(BaseModel):
    """Base of everything that crosses Temporal."""

    model_config = ConfigDict(frozen=True)


class ImportInput(Contract):
    """Starts `ImportWorkflow`."""

    workspace_id: UUID
    import_id: UUID


class ImportResult(Contract):
    """What an import did."""

    rows_added: int
    rows_rejected: int
    duplicates: int
    error: str | None = None


class ExportInput(Contract):
    """Starts `ExportWorkflow`, and names the work of its activity."""

    workspace_id: UUID
    export_id: UUID


class ExportResult(Contract):
    """What an export wrote."""

    rows: int
    size: int  # bytes


class CampaignInput(Contract):
    """Starts `CampaignWorkflow`; the later fields carry a run over a continue-as-new."""

    workspace_id: UUID
    run_id: UUID
    next_number: int = 1
    left_over: tuple[BatchRange, ...] = ()
    status: RunStatus = RunStatus.SCHEDULED


class CampaignLaunch(Contract):
    """What starting a run's workflow takes; the payload of the outbox row that asks for it."""

    workspace_id: UUID
    run_id: UUID
    campaign_id: UUID
    campaign_name: str
    channel: Channel
    category: Category
    start_at: datetime
    source_rows: int


class DirectInput(Contract):
    """Starts `DirectWorkflow`, and names the work of its activity."""

    category: Category


class DirectResult(Contract):
    """One round of sending direct messages."""

    sent: int


class DeliveryReportResult(Contract):
    """One round of telling the message broker how messages ended."""

    told: int
    configured: bool = True  # whether there is a broker to tell


class DispatchResult(Contract):
    """One round of the dispatcher."""

    told: int


class SweepResult(Contract):
    """One round of the sweeper."""

    settled: int = 0  # claims whose lease had run out
    resolved: int = 0  # messages in doubt that were decided
    joined: int = 0  # parked receipts that found their message
    restarted: int = 0  # open runs that had no workflow
    ended: int = 0  # direct messages for which nothing more is awaited


class RunReference(Contract):
    """Names a run to an activity."""

    workspace_id: UUID
    run_id: UUID


class RunPlan(Contract):
    """What the workflow must know of a run. Everything else is read from the ledger where it is used."""

    campaign_id: UUID
    campaign_name: str
    category: Category
    channel: Channel
    status: RunStatus
    pause_reason: str | None
    start_at: datetime
    expires_at: datetime
    source_rows: int
    frozen: bool
    messages_per_second: float | None  # the smallest of campaign, sender and connector; None: unlimited
    receipt_window: timedelta
    first_poll: timedelta
    in_doubt_after: timedelta
    lease: timedelta


class RunFigures(Contract):
    """A run's table of figures, read from the ledger's counters at one moment."""

    source_rows: int
    states: dict[MessageState, int]

    @property
    def open(self) -> int:
        """Messages for which something is still awaited."""
        return sum(count for state, count in self.states.items() if state in OPEN)

    @property
    def accepted(self) -> int:
        """Messages that a provider has taken, whatever became of them."""
        return sum(count for state, count in self.states.items() if state in TAKEN)

    @property
    def in_doubt(self) -> int:
        """Messages whose outcome is not known yet."""
        return self.states.get(MessageState.IN_DOUBT, 0)

    @property
    def never_sent(self) -> int:
        """Messages that were stopped before they were tried."""
        return self.states.get(MessageState.CANCELLED, 0)


class SendBatchInput(Contract):
    """One batch on the lane of its category."""

    workspace_id: UUID
    run_id: UUID
    wave: int
    first: int
    last: int


class SendBatchResult(Contract):
    """What is left of a batch. Counts of what was sent are read from the ledger, never from here."""

    remaining: int  # still queued in the range
    due_at: datetime | None = None  # when the first of them may be tried
    halted: bool = False  # the run is not ACTIVE any more: paused or stopping


class ChangeStatus(Contract):
    """Moves a run from one status to another, if it is still there."""

    workspace_id: UUID
    run_id: UUID
    status: RunStatus
    reason: str | None = None


class DiscardQueued(Contract):
    """Takes what was never tried out of a run: `cancelled` or `expired`."""

    workspace_id: UUID
    run_id: UUID
    state: MessageState
    reason: str


class ChangeSpeed(Contract):
    """A new speed limit of the run; None: no limit of its own."""

    workspace_id: UUID
    run_id: UUID
    messages_per_second: float | None


class PauseRequest(Contract):
    """Argument of the update `pause`."""

    reason: str = "paused by a user"


class SpeedRequest(Contract):
    """Argument of the update `change_speed`."""

    messages_per_second: float | None


class Progress(Contract):
    """Signal `progressed`: a threshold was crossed."""

    share: int  # per cent: the mean of what was tried and what is final; a multiple of 5, 100 when all is final
    states: dict[MessageState, int]


class WebhookInput(Contract):
    """Starts `WebhookWorkflow`, and names the work of its activity."""

    webhook_id: UUID


class WebhookResult(Contract):
    """What a pump told before it rested."""

    told: int
    gone: bool = False  # the webhook was deleted
    host: str = ""
    waiting: int = 0  # callbacks, counted to 10,000
    trouble: str | None = None  # why the last callback was not taken; None when it was
    next_try_at: datetime | None = None  # while the receiver is left alone


class WebhookWatchResult(Contract):
    """One round of the watch over webhooks."""

    campaign_callbacks: int
    woken: int


class Closing(Contract):
    """What the close found."""

    status: RunStatus
    balanced: bool
    figures: RunFigures


class PollInput(Contract):
    """Asks the provider for the messages of a run that no receipt has brought to an end."""

    workspace_id: UUID
    run_id: UUID


class PollResult(Contract):
    """What a poll did."""

    asked: int
    answered: int
    moved: int  # messages whose state changed


class PollingPlace(Contract):
    """Where a pass over a connector's runs went on to: the last message that was asked about."""

    run_id: UUID
    wave: int
    number: int


class PollingInput(Contract):
    """Starts `PollingWorkflow`; the later fields carry it over a continue-as-new."""

    workspace_id: UUID
    connector_id: UUID
    provider: str
    since: datetime | None = None  # the beginning of the last whole pass
    pause: timedelta | None = None  # the last one between two passes


class PollingPass(Contract):
    """One pass, or what is left of one, over what a connector's messages await."""

    workspace_id: UUID
    connector_id: UUID
    provider: str
    since: datetime | None = None
    until: datetime | None = None  # when the pass began, as the ledger's clock said; None: it begins now
    place: PollingPlace | None = None


class PollingPassResult(Contract):
    """What a pass did."""

    asked: int
    answered: int
    moved: int  # messages whose state changed
    until: datetime
    through: bool  # if not, another one goes on with the same `until`, from `place`
    place: PollingPlace | None = None
    away: bool = False  # the provider answered nothing
    awaited: bool = False  # there is more to ask about, now or later
    pause: timedelta  # the shortest one before the next pass


class ListenInput(Contract):
    """Starts `ListenWorkflow`, and names the work of its activity."""

    workspace_id: UUID
    connector_id: UUID
    provider: str


class ListenResult(Contract):
    """One round of listening."""

    wanted: bool  # False: the connector is deleted, or has no credentials any more
