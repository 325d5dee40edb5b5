"""How much memory processes take while something happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import psutil

_SAMPLE_SECONDS = 0.2


class Peak:
    """The largest sum of resident memory seen so far."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self, pids: Sequence[int]) -> None:
        """Takes a sample; a process that has ended takes nothing."""
        total = 0
        for pid in pids:
            with suppress(psutil.NoSuchProcess):
                total += psutil.Process(pid).memory_info().rss
        self.bytes = max(self.bytes, total)


@asynccontextmanager
async def peak_memory(pids: Sequence[int]) -> AsyncIterator[Peak]:
    """Samples the processes until the end of the block."""
    peak = Peak()

    async def sample() -> None:
        while True:
            peak.look(pids)
            await asyncio.sleep(_SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield peak
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
        peak.look(pids)
