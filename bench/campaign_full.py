"""Messages a second from the launch of a campaign until all are delivered, against the bare loop without callbacks."""

from uuid import UUID

from bench.campaign import RECIPIENTS, bare_loop_per_second, warm_up
from bench.figures import Figures, Options, in_turn
from bench.stage import TELLING, Stage, open_stage
from heliograph.domain.ledger import MessageState

NAME = "campaign-full"


async def run(options: Options) -> Figures:
    """The bench on a stack of its own."""
    recipients = options.recipients or RECIPIENTS
    async with open_stage(options.report) as stage:
        await warm_up(stage)
        audience = await stage.add_audience(recipients)
        numbers = await stage.numbers_file(audience)

        async def ours() -> float:
            return await delivered_per_second(stage, audience)

        async def limit() -> float:
            return await bare_loop_per_second(stage, numbers)

        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "messages/s", recipients=recipients)


async def delivered_per_second(stage: Stage, audience: UUID) -> float:
    """One campaign with three callbacks a message: from its launch until the ledger has all as delivered."""
    await stage.follow(TELLING)
    launched = await stage.launch(audience)
    rate = launched.recipients / await stage.wait_for(launched, MessageState.DELIVERED)
    await stage.closed(launched)
    return rate
