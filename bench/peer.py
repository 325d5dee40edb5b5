"""Messages a second of a campaign, against the same audience through Celery and Redis without a ledger."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from importlib.util import find_spec

from bench.campaign import RECIPIENTS, accepted_per_second, warm_up
from bench.figures import Figures, Options, Skipped, in_turn
from bench.stage import SILENT, Stage, open_stage

NAME = "peer"
_WARM_UP = 200
_LOOK_SECONDS = 0.05
_STALLED_SECONDS = 60.0


async def run(options: Options) -> Figures:
    """The bench on a stack of its own, with Redis and Celery beside it; `Skipped` when one of them is missing."""
    _require_peer()
    from bench.celery_process import PROCESSES, running_celery  # noqa: PLC0415  # a development dependency

    recipients = options.recipients or RECIPIENTS
    async with open_stage(options.report) as stage:
        await warm_up(stage)
        audience = await stage.add_audience(recipients)
        numbers = (await stage.numbers_file(audience)).read_text().split()

        async def ours() -> float:
            return await accepted_per_second(stage, audience)

        async def limit() -> float:
            async with running_celery(stage.simulator.url, stage.stack.settings.data_dir) as broker:
                await through_celery_per_second(stage, broker, numbers[:_WARM_UP])
                return await through_celery_per_second(stage, broker, numbers)

        turns = await in_turn(ours, limit, options)
        return turns.figures(NAME, "messages/s", recipients=recipients, processes_of_peer=PROCESSES)


def _require_peer() -> None:
    if shutil.which("redis-server") is None:
        raise Skipped("the peer needs Redis: install it (`apt-get install redis-server`)")
    if find_spec("celery") is None:
        raise Skipped("the peer needs Celery: it is in the development group (`make setup`)")


async def through_celery_per_second(stage: Stage, broker: str, numbers: Sequence[str]) -> float:
    """From the first task published to the last message accepted."""
    await stage.follow(SILENT)
    began = time.perf_counter()
    publishing = asyncio.create_task(asyncio.to_thread(_publish, broker, numbers))
    progressed, before = time.monotonic(), -1
    while (accepted := await stage.simulator.accepted_count()) < len(numbers):
        if accepted != before:
            progressed, before = time.monotonic(), accepted
        elif time.monotonic() - progressed > _STALLED_SECONDS:
            raise RuntimeError(f"the peer is stuck at {accepted} of {len(numbers)} messages")
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    await publishing
    return len(numbers) / seconds


def _publish(broker: str, numbers: Sequence[str]) -> None:
    from bench.celery_peer import app, send  # noqa: PLC0415  # a development dependency

    with app.connection(broker) as connection, app.amqp.Producer(connection) as producer:
        for number in numbers:
            send.apply_async((number,), producer=producer)
