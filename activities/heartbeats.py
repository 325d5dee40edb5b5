"""Heartbeats beside the work: also through a long statement or a slow provider, so that no living worker seems dead."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio import activity

_HEARTBEAT_SECONDS: Final = 3.0


class Heartbeats:
    """What a person sees of an activity under way; nothing is read from it."""

    def __init__(self) -> None:
        self._latest: Mapping[str, int | str] = {}

    def update(self, **latest: int | str) -> None:
        """Tells how far the activity is."""
        self._latest = latest
        activity.heartbeat(latest)

    async def beat(self) -> None:
        """Repeats what was told last, for ever."""
        while True:
            activity.heartbeat(self._latest)
            await asyncio.sleep(_HEARTBEAT_SECONDS)


@asynccontextmanager
async def heartbeats() -> AsyncIterator[Heartbeats]:
    """Heartbeats while inside."""
    made = Heartbeats()
    beating = asyncio.create_task(made.beat())
    try:
        yield made
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
