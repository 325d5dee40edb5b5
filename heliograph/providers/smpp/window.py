"""The window of a session: how many requests may be unanswered at a time."""

import asyncio
import time
from collections import deque


class LeaseOver(Exception):
    """The claim of the message ran out while it waited."""


class Window:
    """Lets so many in, the others in the order in which they came. Made for a rate at which a Semaphore is dear."""

    def __init__(self, size: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self, valid_until: float) -> None:
        """Waits for a place until `valid_until` (`time.monotonic()`); `LeaseOver` without one."""
        if self._free:
            self._free -= 1
            return
        place: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(place)
        timer = self._loop.call_later(max(0.0, valid_until - time.monotonic()), _give_up, place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # the place was given in the same moment
                self.leave()
            raise
        finally:
            timer.cancel()

    def leave(self) -> None:
        """Gives the place to who waits longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1


def _give_up(place: asyncio.Future[None]) -> None:
    if not place.done():
        place.set_exception(LeaseOver())
