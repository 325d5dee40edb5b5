"""Temporal history events that a campaign leaves per 1,000 recipients, from its launch to its close."""

from bench.campaign import RECIPIENTS
from bench.figures import Figures, Options, in_turn
from bench.stage import TELLING, Launched, Stage, open_stage
from heliograph.contracts import campaign_workflow_id
from heliograph.domain.ledger import MessageState

NAME = "history"
LIMIT = 15.0
"""Events per 1,000 recipients; fixed."""


async def run(options: Options) -> Figures:
    """The bench on a stack of its own."""
    recipients = options.recipients or RECIPIENTS
    async with open_stage(options.report) as stage:
        audience = await stage.add_audience(recipients)

        async def ours() -> float:
            await stage.follow(TELLING)
            launched = await stage.launch(audience)
            await stage.wait_for(launched, MessageState.DELIVERED)
            await stage.closed(launched)
            return 1_000 * await history_events(stage, launched) / recipients

        async def limit() -> float:
            return LIMIT

        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "events per 1,000 recipients", recipients=recipients)


async def history_events(stage: Stage, launched: Launched) -> int:
    """Events of the campaign's workflow, over every execution it continued as."""
    client, workflow_id = stage.services.temporal, campaign_workflow_id(launched.run_id)
    total, execution = 0, (await client.get_workflow_handle(workflow_id).describe()).raw_description
    next_run: str | None = execution.workflow_execution_info.first_run_id
    while next_run:
        run_id, next_run = next_run, None
        async for event in client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events():
            total += 1
            if event.HasField("workflow_execution_continued_as_new_event_attributes"):
                next_run = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return total
