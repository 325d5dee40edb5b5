"""Counts the calls of a process to each connector, and writes the counts now and then."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID

from heliograph.db.engine import Database
from heliograph.db.routes import Calls, add_calls
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, Outcome

_EVERY_SECONDS: Final = 1.0
_SLOW_SECONDS: Final = 5.0
_NO_FAILURE: Final = frozenset({ErrorClass.RATE_LIMITED})
"""A provider that limits the rate works; it is given its pause."""


class CallCounter:
    """One per process. Counting costs a few additions a call; writing is one statement a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: defaultdict[tuple[UUID, UUID], list[int]] = defaultdict(lambda: [0, 0, 0])

    def ended(self, workspace_id: UUID, connector_id: UUID, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A call has ended after so many seconds."""
        counts = self._counts[workspace_id, connector_id]
        counts[0] += 1
        if any(map(_failed, outcomes)):
            counts[1] += 1
        elif seconds > _SLOW_SECONDS and any(isinstance(outcome, Accepted) for outcome in outcomes):
            counts[2] += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes every second, and once at the end."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._write()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self._write()

    async def _write(self) -> None:
        counted, self._counts = self._counts, defaultdict(lambda: [0, 0, 0])
        if not counted:
            return
        rows = [Calls(connector_id, workspace_id, *counts) for (workspace_id, connector_id), counts in counted.items()]
        with suppress(*DATABASE_TROUBLE):  # health is a hint: what could not be written is not missed
            await add_calls(self._database.pool, rows)


def _failed(outcome: Outcome) -> bool:
    if isinstance(outcome, InDoubt):
        return True
    return isinstance(outcome, NotProcessed) and outcome.error.error_class not in _NO_FAILURE
