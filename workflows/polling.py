"""Polling of one connector: passes over what its messages await, with pauses that grow while nothing comes of them."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.polling import PollingActivities
    from heliograph.contracts import PollingInput, PollingPass, PollingPassResult
    from heliograph.temporal.details import polling_details

_LONGEST_PAUSE = timedelta(minutes=5)


@workflow.defn
class PollingWorkflow:
    """One per connector, started by the sweeper while something is awaited there; ends when nothing is."""

    @workflow.init
    def __init__(self, work: PollingInput) -> None:
        self._work = work
        self._called = False
        self._passes = self._asked = self._moved = 0
        self._last: PollingPassResult | None = None

    @workflow.run
    async def run(self, work: PollingInput) -> None:
        """Passes and pauses, until nothing is awaited any more."""
        next_pass = self._whole_pass(work)
        pause = work.pause or timedelta(0)
        while True:
            self._called = False
            self._show("the provider's answers")
            result = await self._poll(next_pass)
            if not result.awaited and not self._called:
                return
            if result.through:
                work = work.model_copy(update={"since": result.until})
                next_pass = self._whole_pass(work)
            else:
                next_pass = next_pass.model_copy(update={"until": result.until, "place": result.place})
            pause = result.pause if result.answered else min(_LONGEST_PAUSE, max(result.pause, pause * 2))
            if result.through and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(work.model_copy(update={"pause": pause}))
            if result.through or result.away:
                await self._rest(pause)

    @workflow.signal
    def look(self) -> None:
        """A direct message is due: the pause ends now."""
        self._called = True

    async def _poll(self, next_pass: PollingPass) -> PollingPassResult:
        result = await workflow.execute_activity_method(
            PollingActivities.poll_connector,
            next_pass,
            start_to_close_timeout=timedelta(minutes=20),
            heartbeat_timeout=timedelta(seconds=15),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            summary="ask about messages without a final word",
        )
        self._last = result
        self._passes += 1
        self._asked += result.asked
        self._moved += result.moved
        return result

    async def _rest(self, pause: timedelta) -> None:
        self._show(f"the next pass, at {workflow.now() + pause:%H:%M:%S} UTC or when a direct message is due")
        try:
            await workflow.wait_condition(
                lambda: self._called, timeout=pause, timeout_summary="the pause between two passes"
            )
        except TimeoutError:
            return

    @staticmethod
    def _whole_pass(work: PollingInput) -> PollingPass:
        return PollingPass(
            workspace_id=work.workspace_id, connector_id=work.connector_id, provider=work.provider, since=work.since
        )

    def _show(self, waiting_for: str) -> None:
        workflow.set_current_details(
            polling_details(
                self._work,
                self._last,
                waiting_for=waiting_for,
                passes=self._passes,
                asked=self._asked,
                moved=self._moved,
            )
        )
