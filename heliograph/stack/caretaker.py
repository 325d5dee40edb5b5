"""Keeps one part running: starts it, watches it, starts it again."""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heliograph.errors import HeliographError
from heliograph.stack.events import Event, EventKind, Report
from heliograph.stack.parts import Part
from heliograph.stack.process import PartProcess

MANY_CRASHES = 5
CRASH_WINDOW = 60.0  # seconds
_FIRST_PAUSE, _PAUSE_AFTER_MANY = 0.2, 10.0  # seconds; the first doubles with each crash
_FIRST_CHECK_AFTER, _CHECK_AT_LEAST_EVERY = 0.05, 0.5  # seconds; checks cost what starts is in need of
_CHECK_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every caretaker of a stack shares."""

    environment: Mapping[str, str]
    logs: Path
    report: Report
    changed: list[Callable[[], None]] = field(default_factory=list)  # called when a process came or went


class Caretaker:
    """`ready` is set while the part is."""

    def __init__(self, part: Part, surroundings: Surroundings) -> None:
        self.part = part
        self.ready = asyncio.Event()
        self.process: PartProcess | None = None
        self._surroundings = surroundings
        self._crashes: deque[float] = deque()
        self._keeping: asyncio.Task[None] | None = None
        self._last_words: tuple[str, ...] = ()
        self._told: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """Where the part's output goes."""
        return self._surroundings.logs / f"{self.part.name}.log"

    def start(self) -> None:
        """Begins to keep the part running; watch `ready`."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name=f"keep {self.part.name}")

    async def stop(self, forced: asyncio.Event) -> None:
        """Stops keeping it running, and the part itself."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        self._keeping = None
        self.ready.clear()
        process, self.process = self.process, None
        if process is not None:
            in_time = await process.stop(forced)
            self._tell(EventKind.STOPPED if in_time else EventKind.KILLED, "stopped" if in_time else "had to be killed")
            self._changed()

    async def _keep(self) -> None:
        while True:
            outcome = await self._live()
            self.ready.clear()
            self._changed()
            await asyncio.sleep(self._note_crash(outcome))

    async def _live(self) -> str:
        """One life of the part, from its start to its end; how it ended, in words."""
        try:
            if self.part.prepare is not None:
                await asyncio.to_thread(self.part.prepare)
            self.process = await PartProcess.start(self.part, self._surroundings.environment, self.log)
        except (OSError, HeliographError) as error:
            self._last_words = ()
            return f"could not be started: {error}"
        self._changed()
        watching = asyncio.create_task(self._watch(self.process), name=f"watch {self.part.name}")
        try:
            code = await self.process.wait()
        finally:
            watching.cancel()
        self._last_words = self.process.log_tail()
        self.process = None
        return _in_words(code)

    async def _watch(self, process: PartProcess) -> None:
        began = time.monotonic()
        pause, told = _FIRST_CHECK_AFTER, False
        while not await self._is_ready(process):
            waited = time.monotonic() - began
            if waited > self.part.ready_within and not told:
                self._tell(EventKind.SLOW, f"not ready after {waited:.0f} s; its log is {self.log}")
                told = True
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _CHECK_AT_LEAST_EVERY)
        self._tell(EventKind.READY, f"ready after {time.monotonic() - began:.1f} s")
        self.ready.set()

    async def _is_ready(self, process: PartProcess) -> bool:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT):
                return await self.part.is_ready(process.spawned)
        except (OSError, TimeoutError, HeliographError):
            return False

    def _note_crash(self, outcome: str) -> float:
        """Reports how the part ended; seconds to wait before it is started again."""
        now = time.monotonic()
        self._crashes.append(now)
        while self._crashes[0] < now - CRASH_WINDOW:
            self._crashes.popleft()
        if len(self._crashes) < MANY_CRASHES:
            pause = _FIRST_PAUSE * 2.0 ** (len(self._crashes) - 1)
            self._tell(EventKind.CRASHED, f"{outcome}; starting it again", self._news())
            return pause
        self._tell(
            EventKind.KEEPS_CRASHING,
            f"{outcome}, {len(self._crashes)} times within a minute; next try in {_PAUSE_AFTER_MANY:.0f} s. "
            f"Read {self.log} and run `heliograph doctor`; the other parts go on",
            self._news(),
        )
        return _PAUSE_AFTER_MANY

    def _news(self) -> tuple[str, ...]:
        """The last lines of the log, unless the crash before told the same."""
        told, self._told = self._told, self._last_words
        return () if told == self._last_words else self._last_words

    def _changed(self) -> None:
        for listener in self._surroundings.changed:
            listener()

    def _tell(self, kind: EventKind, text: str, log_lines: tuple[str, ...] = ()) -> None:
        self._surroundings.report(Event(kind, self.part.name, text, log_lines))


def _in_words(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
