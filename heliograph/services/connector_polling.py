"""One pass over what a connector's messages await: direct ones first, then those of open runs."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from heliograph.contracts import PollingPass, PollingPassResult, PollingPlace
from heliograph.db import waiting
from heliograph.db.awaited import awaiting_runs, of_age
from heliograph.db.engine import Database
from heliograph.services.connections import Connections
from heliograph.services.looking_after import askable, keys, schedule_of, take_to_ask
from heliograph.services.polling import CHUNK, Polled, ask_about
from heliograph.settings import Settings

_log = logging.getLogger(__name__)

_SOON: Final = timedelta(minutes=1)
"""When to ask again, at the earliest, about a message whose provider was away; later the older it is."""


class ConnectorPoll:
    """One pass. `stopped` is asked before each chunk: a pass that stops goes on later where it was."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        settings: Settings,
        work: PollingPass,
        *,
        stopped: Callable[[], bool],
        progressed: Callable[[Polled], object],
    ) -> None:
        self._database = database
        self._connections = connections
        self._settings = settings
        self._work = work
        self._stopped = stopped
        self._progressed = progressed
        self._schedule = schedule_of(settings, work.provider)
        self._can_ask, self._silent = askable()
        self._total = Polled()
        self._place = work.place
        self._away = False

    async def run(self) -> PollingPassResult:
        """The pass, or what can be done of it now."""
        until = self._work.until or await self._database.pool.fetchval("SELECT now()")
        through = await self._poll_direct()
        if through and self._work.provider in self._silent:
            through = await self._poll_runs(until)
        if self._away:
            _log.warning("connector %s: the provider answers no question; polled again later", self._work.connector_id)
        return PollingPassResult(
            asked=self._total.asked,
            answered=self._total.answered,
            moved=self._total.moved,
            until=until,
            through=through,
            place=None if through else self._place,
            away=self._away,
            awaited=not through or await self._is_awaited(),
            pause=timedelta(seconds=self._settings.poll_seconds),
        )

    async def _poll_direct(self) -> bool:
        """Asks about direct messages that are due; whether it came to the end of them."""
        more = True
        while more:
            if self._stopped():
                return False
            looked = await take_to_ask(self._database, self._settings, self._work.connector_id)
            more = looked.more
            for start in range(0, len(looked.to_ask), CHUNK):
                chunk = looked.to_ask[start : start + CHUNK]
                answers = await ask_about(self._database, self._connections, self._work.workspace_id, chunk)
                self._add(answers.polled)
                self._away = self._away or answers.away
                async with self._database.transaction() as connection:
                    await waiting.forget(connection, keys(chunk))
                    if answers.away:
                        soon = [max(_SOON, timedelta(seconds=each.age / 8)) for each in chunk]
                        await waiting.look_later(connection, keys(chunk), soon, asked=False)
            if self._away:
                return False
        return True

    async def _poll_runs(self, until: datetime) -> bool:
        """Asks about messages of runs that grew past an age since the last pass; whether it came to the end of them."""
        started = self._place
        for run_id in await awaiting_runs(self._database.pool, self._work.workspace_id, self._work.connector_id):
            if started is not None and run_id < started.run_id:
                continue
            after = (-1, -1)
            if started is not None and run_id == started.run_id:
                after = (started.wave, started.number)
            while chunk := await of_age(
                self._database.pool,
                run_id,
                self._work.connector_id,
                after,
                CHUNK,
                ages=self._schedule.ages,
                since=self._work.since,
                until=until,
            ):
                if self._stopped():
                    return False
                answers = await ask_about(self._database, self._connections, self._work.workspace_id, chunk)
                self._add(answers.polled)
                if answers.away:
                    self._away = True
                    return False
                after = (chunk[-1].wave, chunk[-1].number)
                self._place = PollingPlace(run_id=run_id, wave=after[0], number=after[1])
        return True

    async def _is_awaited(self) -> bool:
        found = await waiting.to_ask(
            self._database.pool, self._can_ask, self._silent, connector_id=self._work.connector_id
        )
        return bool(found)

    def _add(self, polled: Polled) -> None:
        self._total += polled
        self._progressed(self._total)
