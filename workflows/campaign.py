"""A run of a campaign: freeze the recipients, send them in batches, await receipts, close with balanced books.

Everything about single messages is in the ledger; this workflow holds ranges, instants and decisions. Pause, resume,
stop and change of speed are updates, so that the caller gets an answer or a refusal.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.campaign_steps import CampaignSteps

with workflow.unsafe.imports_passed_through():
    from heliograph.contracts import (
        CampaignInput,
        Closing,
        PauseRequest,
        Progress,
        RunFigures,
        RunPlan,
        RunReference,
        SendBatchResult,
        SpeedRequest,
    )
    from heliograph.domain.batches import BatchQueue, BatchRange
    from heliograph.domain.campaigns import CLOSED_RUN, window
    from heliograph.domain.ledger import OPEN, MessageState
    from heliograph.domain.vocabulary import RunStatus
    from heliograph.temporal.details import campaign_details
    from heliograph.temporal.search_attributes import CAMPAIGN_STATUS

_FREEZE_LEAD = timedelta(minutes=1)
_LONGEST_POLL_PAUSE = timedelta(hours=6)
_WAVE = 1
_PAUSABLE = (RunStatus.SCHEDULED, RunStatus.ACTIVE)
_STOPPABLE = (*_PAUSABLE, RunStatus.PAUSED)


@workflow.defn
class CampaignWorkflow:
    """One run, from its launch to its close."""

    @workflow.init
    def __init__(self, input: CampaignInput) -> None:
        self._run = RunReference(workspace_id=input.workspace_id, run_id=input.run_id)
        self._steps = CampaignSteps(self._run)
        self._status = input.status
        self._changes = 0  # of the status, as far as this workflow made them
        self._reason: str | None = None
        self._waiting_for = "its plan"
        self._states: dict[MessageState, int] = {}
        self._frozen = False
        self._started = False  # its time has come
        self._stopping = False
        self._in_flight = 0
        self._changing = asyncio.Lock()  # one update at a time
        self._plan: RunPlan | None = None

    @workflow.run
    async def run(self, input: CampaignInput) -> Closing:
        """Runs the campaign to its close."""
        async with self._changing:  # an update that comes this early finds the run as it is
            await self._load_plan()
            self._adopt_plan()
        if self._status in CLOSED_RUN:
            return await self._close()  # started again after Temporal forgot it: nothing is left to do
        await self._freeze_and_start()
        plan = self._known_plan
        queue = BatchQueue(wave=_WAVE, first=input.next_number, last=plan.source_rows, left_over=input.left_over)
        while True:
            await self._send_all(queue)
            if await self._await_receipts():
                break
            for batch in await self._steps.unfinished_ranges():
                queue.put_back(batch)
        return await self._close()

    # -- the stages

    async def _freeze_and_start(self) -> None:
        plan = self._known_plan
        if not plan.frozen:
            await self._wait(lambda: self._stopping, until=plan.start_at - _FREEZE_LEAD, what="the time to freeze")
            self._show("the freeze of its recipients")
            self._states = (await self._steps.freeze(plan.source_rows)).states
        self._frozen = True
        await self._wait(lambda: self._stopping, until=plan.start_at, what="the start")
        self._started = True
        async with self._changing:
            if self._status is RunStatus.SCHEDULED and not self._stopping:
                await self._change_status(RunStatus.ACTIVE)

    async def _send_all(self, queue: BatchQueue) -> None:
        """Keeps a window of batches in flight until the ledger holds nothing that is queued."""
        pending: dict[asyncio.Task[SendBatchResult | None], BatchRange] = {}
        while True:
            self._start_batches(queue, pending)
            self._in_flight = len(pending)
            if pending:
                self._show(f"{len(pending)} batches" + ("" if self._may_send else " to finish"))
                done, _ = await workflow.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await self._finish_batch(queue, pending.pop(task), task.result())
            elif workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new(queue)
            elif self._stopping:
                return
            elif workflow.now() >= self._known_plan.expires_at:
                await self._discard(MessageState.EXPIRED, "too_late")
                return
            elif not self._may_send:
                what = "somebody to resume it"
                await self._wait(lambda: self._may_send or self._stopping, self._known_plan.expires_at, what)
            elif not queue.empty:
                await self._wait(lambda: not self._may_send, until=queue.next_due(), what="a retry")
            else:
                for batch in await self._steps.unfinished_ranges():
                    queue.put_back(batch)
                if queue.empty and not await self._claims_are_open():
                    return

    async def _await_receipts(self) -> bool:
        """Waits until all is final or the window ends, polling on the way; False when something is queued again."""
        plan = self._known_plan
        end = workflow.now() + plan.receipt_window
        next_poll, pause = workflow.now() + plan.first_poll, plan.first_poll
        while True:
            figures = await self._read_figures()
            if figures.states.get(MessageState.QUEUED):
                if not self._stopping:
                    return False
                figures = await self._discard(MessageState.CANCELLED, "stopped")  # given back after the stop
            if not figures.open:
                return True
            if workflow.now() >= end and not await self._claims_are_open():
                return True
            wake = min(
                end, next_poll, workflow.now() + (plan.in_doubt_after if figures.in_doubt else plan.receipt_window)
            )
            await self._wait(lambda: not self._open, until=wake, what=f"receipts of {figures.open} messages")
            if not self._open:
                continue
            if workflow.now() >= min(end, next_poll):
                await self._steps.poll()
                pause = min(_LONGEST_POLL_PAUSE, pause * 2)
                next_poll = workflow.now() + pause

    async def _close(self) -> Closing:
        self._show("the close")
        closing = await self._steps.close()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._enter(closing.status)
        self._states = closing.figures.states
        self._show("nothing: closed")
        return closing

    # -- batches

    @property
    def _may_send(self) -> bool:
        return self._status is RunStatus.ACTIVE and not self._stopping

    def _start_batches(
        self, queue: BatchQueue, pending: dict["asyncio.Task[SendBatchResult | None]", BatchRange]
    ) -> None:
        speed = self._known_plan.messages_per_second
        while (
            self._may_send
            and len(pending) < window(speed)
            and workflow.now() < self._known_plan.expires_at
            and not workflow.info().is_continue_as_new_suggested()
            and (batch := queue.take(workflow.now(), speed)) is not None
        ):
            pending[asyncio.create_task(self._send(batch))] = batch

    async def _send(self, batch: BatchRange) -> SendBatchResult | None:
        """One batch; None when it failed for good and the run was paused for it."""
        try:
            return await self._steps.send(self._known_plan, batch)
        except ActivityError as error:
            cause = error.cause
            await self._change_status(RunStatus.PAUSED, f"sending failed: {cause or error}")
            return None

    async def _finish_batch(self, queue: BatchQueue, batch: BatchRange, result: SendBatchResult | None) -> None:
        if result is None:
            queue.put_back(batch)
            return
        if result.remaining:
            queue.put_back(batch.model_copy(update={"due_at": result.due_at}))
        if result.halted and self._may_send:
            changes = self._changes
            await self._load_plan()
            if changes == self._changes:  # else an update knows better than what was read before it
                self._adopt_plan()

    async def _claims_are_open(self) -> bool:
        """Waits for claims of workers that were lost; their leases end, and what they held is settled."""
        seconds = await self._steps.seconds_of_open_claims()
        if seconds <= 0:
            return False
        until = workflow.now() + timedelta(seconds=seconds + 1)
        stopping = self._stopping
        await self._wait(lambda: self._stopping is not stopping, until, "the leases of a lost worker")
        return True

    # -- what people and the ledger say

    @workflow.signal
    def progressed(self, progress: Progress) -> None:
        """The ledger crossed a threshold: the counts for the operator, and the end of waiting when all is final."""
        self._states = progress.states
        self._show(self._waiting_for)

    @workflow.update
    async def pause(self, request: PauseRequest) -> RunFigures:
        """Claims nothing more; answers when what was in flight is recorded."""
        async with self._changing:
            self._require(*_PAUSABLE, verb="pause")
            await self._change_status(RunStatus.PAUSED, request.reason)
            await workflow.wait_condition(lambda: not self._in_flight)
            return await self._read_figures()

    @pause.validator
    def _may_pause(self, request: PauseRequest) -> None:  # noqa: ARG002 - a validator has its update's arguments
        self._require(*_PAUSABLE, verb="pause")

    @workflow.update
    async def resume(self) -> RunFigures:
        """Goes on; before its time, with waiting for it."""
        async with self._changing:
            await self._load_plan()  # workers may have paused the run a moment ago
            self._adopt_plan()
            self._require(RunStatus.PAUSED, verb="resume")
            # A refusal that is still on its way to the ledger would pause the run anew.
            await workflow.wait_condition(lambda: not self._in_flight)
            await self._change_status(RunStatus.ACTIVE if self._started else RunStatus.SCHEDULED)
            return await self._read_figures()

    @resume.validator
    def _may_resume(self) -> None:
        self._require(RunStatus.ACTIVE, RunStatus.PAUSED, verb="resume")

    @workflow.update
    async def stop(self) -> RunFigures:
        """Ends sending for good: what is in flight is recorded, the rest becomes `cancelled`."""
        async with self._changing:
            self._require(*_STOPPABLE, verb="stop")
            await self._change_status(RunStatus.STOPPING)
            self._stopping = True
            await workflow.wait_condition(lambda: self._frozen and not self._in_flight)
            return await self._discard(MessageState.CANCELLED, "stopped")

    @stop.validator
    def _may_stop(self) -> None:
        self._require(*_STOPPABLE, verb="stop")

    @workflow.update
    async def change_speed(self, request: SpeedRequest) -> None:
        """A new speed limit of the run, in force with the next chunk of every worker."""
        async with self._changing:
            await self._steps.change_speed(request.messages_per_second)
            await self._load_plan()

    @change_speed.validator
    def _may_change_speed(self, request: SpeedRequest) -> None:  # noqa: ARG002 - as above
        self._require(*_STOPPABLE, verb="change the speed of")

    # -- the run as the ledger has it

    @property
    def _known_plan(self) -> RunPlan:
        assert self._plan is not None
        return self._plan

    @property
    def _open(self) -> int:
        return sum(count for state, count in self._states.items() if state in OPEN)

    async def _load_plan(self) -> None:
        self._plan = await self._steps.load_plan()

    def _adopt_plan(self) -> None:
        """The status as the ledger has it: workers pause a run too."""
        self._enter(self._known_plan.status)
        self._reason = self._known_plan.pause_reason
        self._stopping = self._stopping or self._known_plan.status is RunStatus.STOPPING

    async def _read_figures(self) -> RunFigures:
        figures = await self._steps.read_figures()
        self._states = figures.states
        self._show(self._waiting_for)
        return figures

    async def _discard(self, state: MessageState, reason: str) -> RunFigures:
        figures = await self._steps.discard_queued(state, reason)
        self._states = figures.states
        return figures

    async def _change_status(self, status: RunStatus, reason: str | None = None) -> None:
        """The ledger first: workers read it before every claim."""
        now = await self._steps.change_status(status, reason)
        self._changes += 1
        self._reason = reason
        self._enter(now)

    async def _continue_as_new(self, queue: BatchQueue) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            CampaignInput(
                workspace_id=self._run.workspace_id,
                run_id=self._run.run_id,
                status=self._status,
                next_number=queue.next_number,
                left_over=queue.left_over,
            )
        )

    # -- waiting and showing

    async def _wait(self, changed: Callable[[], bool], until: datetime | None, what: str) -> None:
        """Waits for the condition, at most until the instant; says in the UI for what."""
        self._show(what + (f" until {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""))
        timeout = None if until is None else max(timedelta(0), until - workflow.now())
        if timeout == timedelta(0):
            return
        try:
            await workflow.wait_condition(changed, timeout=timeout, timeout_summary=what)
        except TimeoutError:
            return

    def _require(self, *allowed: RunStatus, verb: str) -> None:
        if self._stopping or self._status not in allowed:
            raise ApplicationError(
                f"cannot {verb} a run that is {self._status.value}", type="Conflict", non_retryable=True
            )

    def _enter(self, status: RunStatus) -> None:
        if status is not self._status:
            self._status = status
            workflow.upsert_search_attributes([CAMPAIGN_STATUS.value_set(status.value)])

    def _show(self, waiting_for: str) -> None:
        self._waiting_for = waiting_for
        if self._plan is not None:
            workflow.set_current_details(
                campaign_details(
                    self._plan,
                    status=self._status,
                    waiting_for=waiting_for,
                    states=self._states,
                    reason=self._reason,
                    as_of=workflow.now(),
                )
            )
