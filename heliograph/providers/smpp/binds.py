"""The binds of one connector in this process: made when they are needed, made again when they are lost."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import ProviderError
from heliograph.providers.smpp.dialling import NoSession
from heliograph.providers.smpp.session import Session

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_IDLE_SECONDS: Final = 300.0
"""After so long without a message a bind that nobody keeps open is given back: SMSCs count them."""


class Bind:
    """One bind, and the task that looks after it."""

    def __init__(self, dial: Callable[[], Awaitable[Session]], changed: Callable[[], None]) -> None:
        self._dial = dial
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.kept_open = False
        self.session: Session | None = None
        self.failure: NoSession | None = None
        self.next_try = 0.0  # time.monotonic()

    @property
    def usable(self) -> bool:
        """Whether messages can be submitted through it."""
        return self.session is not None and self.session.usable

    @property
    def hopeless(self) -> bool:
        """Whether the last try failed and the next one is not under way."""
        return self.failure is not None and time.monotonic() < self.next_try

    def start(self) -> None:
        """Begins to look after it, unless that is done already."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_after())

    async def aclose(self) -> None:
        """Unbinds and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look_after(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                session = await self._dial()
            except NoSession as failure:
                self.failure, self.next_try = failure, time.monotonic() + pause
                self._changed()
                _log.warning("no bind at the SMSC (%s); the next try in %.1f s", failure.error.code, pause)
                await asyncio.sleep(pause)
                self.next_try = 0.0
                pause = min(_LONGEST_PAUSE, pause * 2) * random.uniform(0.9, 1.1)
                continue
            began = time.monotonic()
            self.session, self.failure = session, None
            self._changed()
            try:
                if await self._until_lost_or_idle(session):
                    return
            finally:
                self.session = None
                await session.unbind()
            _log.warning("the connection to the SMSC was lost")
            # A session that is lost as soon as it is bound counts as a failure: no storm of binds.
            pause = _FIRST_PAUSE if time.monotonic() - began > _LONGEST_PAUSE else min(_LONGEST_PAUSE, pause * 2)
            await asyncio.sleep(pause)

    async def _until_lost_or_idle(self, session: Session) -> bool:
        """Whether it is idle, and so may be given back."""
        loop = asyncio.get_running_loop()
        while session.usable:
            await asyncio.wait({session.closed}, timeout=_IDLE_SECONDS / 10)
            if not self.kept_open and not session.in_flight and loop.time() - session.used_at > _IDLE_SECONDS:
                return True
        return False


class Binds:
    """All of them. `pause` holds everything back for a while: the SMSC said that it is too much."""

    def __init__(self, dial: Callable[[], Awaitable[Session]], count: int) -> None:
        self._binds = [Bind(dial, self._wake) for _ in range(count)]
        self._changed = asyncio.Event()
        self._closed = False
        self.resting_until = 0.0  # time.monotonic()

    def keep_open(self) -> None:
        """Makes the binds now, and keeps them."""
        if not self._closed:
            for bind in self._binds:
                bind.kept_open = True
                bind.start()

    def rest(self, seconds: float) -> None:
        """Nothing is submitted for so long."""
        self.resting_until = max(self.resting_until, time.monotonic() + seconds)

    async def session(self, valid_until: float) -> Session:
        """The session with the fewest messages in flight; waits for a bind under way. `NoSession`."""
        while True:
            if self._closed:
                raise NoSession(ProviderError(ErrorClass.NOT_PROCESSED, "closed", "The connector was closed"))
            ready = [bind.session for bind in self._binds if bind.session is not None and bind.usable]
            if ready:
                return ready[0] if len(ready) == 1 else min(ready, key=lambda session: session.in_flight)
            for bind in self._binds:
                bind.start()
            if all(bind.hopeless for bind in self._binds):
                failure = self._binds[0].failure
                assert failure is not None
                raise NoSession(failure.error, failure.status)
            await self._wait(valid_until)

    async def aclose(self) -> None:
        """Unbinds everywhere."""
        self._closed = True
        self._wake()
        await asyncio.gather(*(bind.aclose() for bind in self._binds))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait(self, valid_until: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, valid_until - time.monotonic())):
                await self._changed.wait()
        except TimeoutError as error:
            text = "No bind at the SMSC before the claim of the message ran out"
            raise NoSession(ProviderError(ErrorClass.NOT_PROCESSED, "lease_expired", text)) from error
