"""What a process notices of connectors, for the watchdog."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

from heliograph.db import watch
from heliograph.db.engine import Database, Pool
from heliograph.db.trouble import DATABASE_TROUBLE

_EVERY_SECONDS: Final = 5.0


class Watch:
    """What a process notices of connectors. Each fact is written at most once in a few seconds for each of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[UUID, str], float] = {}  # time.monotonic()

    async def accepted(self, workspace_id: UUID, connector_id: UUID) -> None:
        """The provider took a message, and will tell of it by itself."""
        await self._note("accepted", watch.note_accepted, workspace_id, connector_id)

    async def heard(self, workspace_id: UUID, connector_id: UUID) -> None:
        """The provider told something by itself."""
        await self._note("heard", watch.note_heard, workspace_id, connector_id)

    async def refused(self, workspace_id: UUID, connector_id: UUID) -> None:
        """A callback's signature was wrong."""
        await self._note("refused", watch.note_refused, workspace_id, connector_id)

    async def _note(
        self, fact: str, write: Callable[[Pool, UUID, UUID], Awaitable[None]], workspace_id: UUID, connector_id: UUID
    ) -> None:
        now = time.monotonic()
        if now < self._noted.get((connector_id, fact), -_EVERY_SECONDS) + _EVERY_SECONDS:
            return
        self._noted[connector_id, fact] = now
        with suppress(*DATABASE_TROUBLE):  # a hint: what could not be written is not missed
            await write(self._database.pool, workspace_id, connector_id)
