"""A workflow that does what ours do: an activity, a random id, a timer, an update, a continue-as-new."""

from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel
from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from heliograph.domain.vocabulary import Category, Channel
    from heliograph.providers.protocol import Accepted
    from heliograph.telemetry.calls import BatchCalls
    from heliograph.telemetry.metrics import Route


class TracedInput(BaseModel):
    """What starts it."""

    workspace_id: UUID
    run_id: UUID
    rounds: int = 1


@activity.defn
async def send_one(given: TracedInput) -> str:
    """One call to a provider."""
    calls = BatchCalls(Route("twilio", Channel.SMS, Category.PROMOTIONAL))
    calls.ended(Accepted("SM1", "queued"), 0.01, 0.01, f"{given.run_id}.1")
    calls.flush()
    activity.logger.info("sent to %s", "+4915112345678")
    return "done"


@workflow.defn
class TracedWorkflow:
    """Two runs, each with an activity named by a random id."""

    def __init__(self) -> None:
        self._go = False

    @workflow.update
    async def go(self) -> bool:
        """Lets it go on."""
        self._go = True
        return True

    @workflow.run
    async def run(self, given: TracedInput) -> int:
        """Sends, waits, sends again."""
        await workflow.sleep(timedelta(milliseconds=1 + workflow.random().randint(0, 3)))
        await workflow.execute_activity(
            send_one, given, activity_id=str(workflow.uuid4()), start_to_close_timeout=timedelta(seconds=20)
        )
        if given.rounds > 0:
            workflow.continue_as_new(given.model_copy(update={"rounds": given.rounds - 1}))
        await workflow.wait_condition(lambda: self._go)
        return 1
