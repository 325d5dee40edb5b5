"""As `campaign`, over SMPP: one bind with a window of 50, against a bare loop of smpp34's client with the same."""

from typing import Final

from bench.bare_smpp_loop import PASSWORD, SENDER, SYSTEM_ID
from bench.campaign import accepted_per_second, warm_up
from bench.figures import Figures, Options, in_turn
from bench.stage import SILENT, open_stage
from heliograph.domain.vocabulary import Category, Channel
from heliograph.services import connectors, senders
from heliograph.services.context import Actor, Services
from heliograph.settings import Settings

NAME = "smpp"
WINDOW: Final = 50
RECIPIENTS: Final = 50_000
"""The bind is measured here, not the half second between a launch and its first message (docs/benchmarks.md)."""
_BEYOND_ONE: Final = "worker-bulk-2"
"""Each process that sends has a bind of its own; one of them is to send."""
_AS_TWO: Final = {"HELIOGRAPH_CHUNK": str(2 * Settings().chunk)}
"""The one process may hold as much as the two of the default layout together."""


async def run(options: Options) -> Figures:
    """The bench on a stack of its own."""
    recipients = options.recipients or RECIPIENTS
    async with open_stage(options.report, _AS_TWO, connect=connect_smsc) as stage:
        await stage.stack.stop(_BEYOND_ONE)
        await warm_up(stage)
        audience = await stage.add_audience(recipients)
        numbers = await stage.numbers_file(audience)
        port = str(stage.stack.settings.simulator_smpp_port)

        async def ours() -> float:
            return await accepted_per_second(stage, audience)

        async def limit() -> float:
            await stage.follow(SILENT)
            seconds = float(await stage.run_process("bench.bare_smpp_loop", port, str(WINDOW), str(numbers)))
            return await stage.simulator.accepted_count() / seconds

        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "messages/s", recipients=recipients, window=WINDOW)


async def connect_smsc(services: Services, actor: Actor, simulator_url: str) -> None:  # noqa: ARG001
    """The simulated SMSC, which stands in for every host."""
    connector = await connectors.create_connector(services, actor, provider_key="smpp", channel=Channel.SMS)
    await connectors.save_credentials(
        services,
        actor,
        connector.id,
        {"system_id": SYSTEM_ID, "password": PASSWORD},
        {"host": "smsc.example", "window": WINDOW, "long_messages": "payload"},  # one submit_sm a message, as there
    )
    await senders.create_sender(
        services, actor, connector_id=connector.id, kind="alphanumeric", address=SENDER, category=Category.PROMOTIONAL
    )
