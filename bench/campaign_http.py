"""As `campaign`, through a custom HTTP connector, against a bare loop of the same HTTP client."""

from typing import Any, Final

from bench.bare_http_loop import KEY, PATH, SENDER
from bench.campaign import RECIPIENTS, accepted_per_second, warm_up
from bench.figures import Figures, Options, in_turn
from bench.stage import SILENT, open_stage
from heliograph.domain.vocabulary import Category, Channel
from heliograph.services import connectors, senders
from heliograph.services.context import Actor, Services

NAME = "campaign-http"

_DOCUMENT: Final = {
    "from": "{{ sender }}",
    "to": "{{ to }}",
    "text": "{{ body }}",
    "reference": "{{ reference }}",
    "callback_url": "{{ callback_url }}",
}


async def run(options: Options) -> Figures:
    """The bench on a stack of its own."""
    recipients = options.recipients or RECIPIENTS
    async with open_stage(options.report, connect=connect_gateway) as stage:
        await warm_up(stage)
        audience = await stage.add_audience(recipients)
        numbers = await stage.numbers_file(audience)

        async def ours() -> float:
            return await accepted_per_second(stage, audience)

        async def limit() -> float:
            await stage.follow(SILENT)
            seconds = float(await stage.run_process("bench.bare_http_loop", stage.simulator.url, str(numbers)))
            return await stage.simulator.accepted_count() / seconds

        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "messages/s", recipients=recipients)


async def connect_gateway(services: Services, actor: Actor, simulator_url: str) -> None:
    """The simulator's plain gateway, as a user describes it (docs/providers/custom.md)."""
    connector = await connectors.create_connector(services, actor, provider_key="custom", channel=Channel.SMS)
    await connectors.save_credentials(services, actor, connector.id, {"token": KEY}, _configuration(simulator_url))
    await senders.create_sender(
        services, actor, connector_id=connector.id, kind="sender", address=SENDER, category=Category.PROMOTIONAL
    )


def _configuration(simulator_url: str) -> dict[str, Any]:
    return {
        "request": {"url": simulator_url + PATH, "body": {"format": "json", "document": _DOCUMENT}},
        "answer": {"id": {"kind": "json", "path": "id"}, "error_code": {"kind": "json", "path": "error.code"}},
        "authentication": {"kind": "bearer"},
    }
