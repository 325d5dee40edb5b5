"""A ledger of a few numbers behind the names of the real activities: for what takes days, and for replays."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import activity

from heliograph.contracts import (
    ChangeSpeed,
    ChangeStatus,
    Closing,
    DiscardQueued,
    PollInput,
    PollResult,
    RunFigures,
    RunPlan,
    RunReference,
    SendBatchInput,
    SendBatchResult,
)
from heliograph.domain.batches import BatchRange
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import RunStatus


@dataclass
class StubLedger:
    """Counts messages by state; everything that is sent is accepted, and becomes final when a poll says so.

    `heard` holds what was asked and when, by the clock of the server, which skips time.
    """

    plan: RunPlan
    polls_until_delivered: int | None = 0  # None: never; 0: delivered as soon as sent
    heard: list[tuple[str, datetime]] = field(default_factory=list)
    states: Counter[MessageState] = field(default_factory=Counter)

    def activities(self) -> list[Callable[..., Any]]:
        """Those of the lane `control`."""
        return [
            self.load_plan,
            self.freeze_run,
            self.change_status,
            self.change_speed,
            self.read_figures,
            self.unfinished_ranges,
            self.seconds_of_open_claims,
            self.discard_queued,
            self.close_run,
            self.poll_receipts,
        ]

    def times(self, name: str) -> list[datetime]:
        """When this was asked."""
        return [at for heard, at in self.heard if heard == name]

    @activity.defn
    async def load_plan(self, run: RunReference) -> RunPlan:
        return self.plan

    @activity.defn
    async def freeze_run(self, run: RunReference) -> RunFigures:
        self._note()
        self.states[MessageState.QUEUED] = self.plan.source_rows
        return self._figures()

    @activity.defn
    async def change_status(self, change: ChangeStatus) -> RunStatus:
        self.plan = self.plan.model_copy(update={"status": change.status, "pause_reason": change.reason})
        return change.status

    @activity.defn
    async def change_speed(self, change: ChangeSpeed) -> None:
        self.plan = self.plan.model_copy(update={"messages_per_second": change.messages_per_second})

    @activity.defn
    async def read_figures(self, run: RunReference) -> RunFigures:
        return self._figures()

    @activity.defn
    async def unfinished_ranges(self, run: RunReference) -> list[BatchRange]:
        if not self.states[MessageState.QUEUED]:
            return []
        return [BatchRange(wave=1, first=1, last=self.plan.source_rows)]

    @activity.defn
    async def seconds_of_open_claims(self, run: RunReference) -> float:
        return 0.0

    @activity.defn
    async def discard_queued(self, discard: DiscardQueued) -> RunFigures:
        self._note()
        self._move(MessageState.QUEUED, discard.state)
        return self._figures()

    @activity.defn
    async def close_run(self, run: RunReference) -> Closing:
        self._note()
        self._move(MessageState.ACCEPTED, MessageState.UNCONFIRMED)
        closed = RunStatus.STOPPED if self.plan.status is RunStatus.STOPPING else RunStatus.COMPLETED
        self.plan = self.plan.model_copy(update={"status": closed})
        return Closing(status=closed, balanced=True, figures=self._figures())

    @activity.defn
    async def poll_receipts(self, poll: PollInput) -> PollResult:
        self._note()
        if self.polls_until_delivered is not None and len(self.times("poll_receipts")) >= self.polls_until_delivered:
            self._move(MessageState.ACCEPTED, MessageState.DELIVERED)
        return PollResult(asked=0, answered=0, moved=0)

    @activity.defn
    async def send_batch(self, batch: SendBatchInput) -> SendBatchResult:
        """On the lane of the category."""
        self._note()
        if self.plan.status is not RunStatus.ACTIVE:
            return SendBatchResult(remaining=batch.last - batch.first + 1, halted=True)
        sent = min(self.states[MessageState.QUEUED], batch.last - batch.first + 1)
        to = MessageState.DELIVERED if self.polls_until_delivered == 0 else MessageState.ACCEPTED
        self.states[MessageState.QUEUED] -= sent
        self.states[to] += sent
        return SendBatchResult(remaining=0)

    def _note(self) -> None:
        info = activity.info()
        self.heard.append((info.activity_type, info.scheduled_time))

    def _move(self, before: MessageState, after: MessageState) -> None:
        self.states[after] += self.states.pop(before, 0)

    def _figures(self) -> RunFigures:
        return RunFigures(
            source_rows=self.plan.source_rows, states={state: count for state, count in self.states.items() if count}
        )
