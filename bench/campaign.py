"""Messages a second from the launch of a campaign until all are accepted, against a bare loop of Twilio's client."""

from pathlib import Path
from uuid import UUID

from bench.figures import Figures, Options, in_turn
from bench.stage import SILENT, Stage, open_stage

NAME = "campaign"
RECIPIENTS = 20_000
_WARM_UP = 500


async def run(options: Options) -> Figures:
    """The bench on a stack of its own."""
    recipients = options.recipients or RECIPIENTS
    async with open_stage(options.report) as stage:
        await warm_up(stage)
        audience = await stage.add_audience(recipients)
        numbers = await stage.numbers_file(audience)

        async def ours() -> float:
            return await accepted_per_second(stage, audience)

        async def limit() -> float:
            return await bare_loop_per_second(stage, numbers)

        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "messages/s", recipients=recipients)


async def accepted_per_second(stage: Stage, audience: UUID) -> float:
    """One campaign, callbacks off: from its launch to its last accepted message. The witness must agree."""
    await stage.follow(SILENT)
    launched = await stage.launch(audience)
    seconds = await stage.seconds_to_accept_all(launched)
    if (accepted := await stage.simulator.accepted_count()) != launched.recipients:
        raise RuntimeError(f"the provider accepted {accepted} messages, the ledger has {launched.recipients}")
    return launched.recipients / seconds


async def bare_loop_per_second(stage: Stage, numbers: Path, *flags: str) -> float:
    """The same numbers through a bare loop in a process of its own, at the same simulator."""
    await stage.follow(SILENT)
    seconds = float(await stage.run_process("bench.bare_loop", stage.simulator.url, str(numbers), *flags))
    return await stage.simulator.accepted_count() / seconds


async def warm_up(stage: Stage) -> None:
    """A small campaign, so that no first use is measured: imports, connections, prepared statements, caches."""
    await accepted_per_second(stage, await stage.add_audience(_WARM_UP))
