"""Whether a campaign of 200,000 goes as fast, and needs as little memory, as one of 10,000."""

from statistics import median

from bench.campaign import accepted_per_second, warm_up
from bench.figures import Figures, Options, in_turn
from bench.memory import peak_memory
from bench.stage import open_stage

NAME = "growth"
LARGE = 200_000
_TIMES_SMALLER = 20


async def run(options: Options) -> Figures:
    """The bench on a stack of its own; `memory_ratio` compares the peaks of all worker processes together."""
    large = options.recipients or LARGE
    small = max(1, large // _TIMES_SMALLER)
    peaks: dict[int, list[int]] = {large: [], small: []}
    async with open_stage(options.report) as stage:
        await warm_up(stage)
        audiences = {size: await stage.add_audience(size) for size in (small, large)}

        async def measure(size: int) -> float:
            async with peak_memory(stage.worker_pids) as peak:
                rate = await accepted_per_second(stage, audiences[size])
            peaks[size].append(peak.bytes)
            return rate

        turns = await in_turn(lambda: measure(large), lambda: measure(small), options)
    memory = {size: median(found) for size, found in peaks.items()}
    return turns.figures(
        NAME,
        "messages/s",
        recipients=large,
        recipients_of_limit=small,
        memory_ratio=round(memory[large] / memory[small], 3),
        memory_mib={str(size): round(peak / 2**20) for size, peak in memory.items()},
    )
