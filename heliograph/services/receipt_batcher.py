"""Groups the reports of many callbacks into few commits; each caller hears when its own are committed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from heliograph.db.receipts import IncomingReport
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.errors import Defect, HeliographError, InvalidInput, Unavailable

_log = logging.getLogger(__name__)

FLUSH_AT = 200
"""Reports in one commit, where that many wait."""
MOST = 1_000
"""Reports in one commit at most: what has piled up is committed part by part, so that a part is not lost with all."""
LINGER_SECONDS = 0.003
"""How long the first report waits for company, while nothing is being committed."""
IN_FLIGHT = 1
"""Commits at a time: what comes meanwhile is the next one. Two would be half as large each, and cost as much each."""
PATIENCE_SECONDS = 10.0
"""How long a commit may take. Twilio waits 15 seconds for an answer."""


class Outcome(Protocol):
    """What the batcher must know of a finished store: which reports were refused, by index."""

    @property
    def refused(self) -> dict[int, InvalidInput]: ...


Store = Callable[[Sequence[IncomingReport]], Awaitable[Outcome]]
_Waiting = list[tuple[Sequence[IncomingReport], "asyncio.Future[None]"]]


class ReceiptBatcher:
    """One per process. `store` commits a batch; see `services.receipts.store`."""

    def __init__(
        self,
        store: Store,
        *,
        flush_at: int = FLUSH_AT,
        most: int = MOST,
        linger_seconds: float = LINGER_SECONDS,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._store = store
        self._flush_at = flush_at
        self._most = most
        self._linger_seconds = linger_seconds
        self._free = in_flight
        self._waiting: _Waiting = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._flushes: set[asyncio.Task[None]] = set()
        self._closing = False

    async def add(self, reports: Sequence[IncomingReport]) -> None:
        """Returns when `reports` are committed.

        `InvalidInput` when one of them cannot be stored (the others are), `Unavailable` when PostgreSQL is away.
        """
        if self._closing:
            raise Unavailable("this process is stopping", code="stopping")
        loop = asyncio.get_running_loop()
        committed: asyncio.Future[None] = loop.create_future()
        self._waiting.append((reports, committed))
        self._count += len(reports)
        if self._count >= self._flush_at:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(self._linger_seconds, self._flush)
        await committed

    async def aclose(self) -> None:
        """Commits what waits and takes nothing more."""
        self._closing = True
        while self._waiting or self._flushes:
            self._flush()
            await asyncio.wait(self._flushes)

    def _flush(self) -> None:
        """Begins a commit of what waits, unless enough are under way: the end of one of those begins the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting or not self._free:
            return
        self._free -= 1
        task = asyncio.create_task(self._commit(self._take()))
        self._flushes.add(task)
        task.add_done_callback(self._finished)

    def _take(self) -> _Waiting:
        """The first that wait, `most` reports of them; at least one, whatever it brings."""
        taken = reports = 0
        for group, _ in self._waiting:
            if taken and reports + len(group) > self._most:
                break
            taken += 1
            reports += len(group)
        waiting, self._waiting = self._waiting[:taken], self._waiting[taken:]
        self._count -= reports
        return waiting

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._flushes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("receipts were not stored: %s", type(error).__qualname__)
        self._free += 1
        if self._timer is None or self._count >= self._flush_at:
            self._flush()

    async def _commit(self, waiting: _Waiting) -> None:
        reports = [report for group, _ in waiting for report in group]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome = await self._store(reports)
        except DATABASE_TROUBLE as error:
            _fail(waiting, Unavailable, f"PostgreSQL: {type(error).__name__}")
        else:
            _settle(waiting, outcome.refused)
        finally:  # our own fault, or the end of the process: nobody may wait for ever
            _fail(waiting, Defect, "the receipts were not stored")


def _fail(waiting: _Waiting, kind: type[HeliographError], detail: str) -> None:
    for _, committed in waiting:
        if not committed.done():
            committed.set_exception(kind(detail))


def _settle(waiting: _Waiting, refused: dict[int, InvalidInput]) -> None:
    first = 0
    for group, committed in waiting:
        after = first + len(group)
        if not committed.done():
            errors = [refused[index] for index in range(first, after) if index in refused] if refused else ()
            if errors:
                committed.set_exception(errors[0])
            else:
                committed.set_result(None)
        first = after
