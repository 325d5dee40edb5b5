"""One life of a part: a child process with its log file."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from heliograph.stack.parts import Part, Spawned

TETHER = Path(__file__).with_name("tether.py")
_LOG_LIMIT = 20 * 2**20  # bytes; a larger log is put aside when its part starts
_FORCED_GRACE = 3.0
_TAIL_BYTES = 8192


class PartProcess:
    """A started process. It leads a session of its own, so that a terminal's Ctrl-C reaches the supervisor alone."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, log: Path, log_offset: int) -> None:
        self._part = part
        self._process = process
        self._log = log
        self._log_offset = log_offset
        self.spawned = Spawned(process.pid, time.time())

    @classmethod
    async def start(cls, part: Part, environment: Mapping[str, str], log: Path) -> "PartProcess":
        """Starts the part; `OSError` when its command cannot be executed."""
        _put_aside_if_large(log)
        tether = [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), str(int(part.orphan_signal))]
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *part.user_prefix,
                *tether,
                str(part.niceness),
                *part.command,
                env={**environment, **part.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            return cls(part, process, log, output.tell())

    async def wait(self) -> int:
        """Until it ends, with all of its own children; its exit code, or minus the signal that ended it."""
        code = await self._process.wait()
        self._signal_group(signal.SIGKILL)  # children that it left behind would hold its ports
        return code

    async def stop(self, forced: asyncio.Event) -> bool:
        """Asks it to end, ever more firmly, and waits; False when it had to be killed. `forced` ends all patience."""
        steps = [*self._part.stop_signals]
        for number, (each, grace) in enumerate(steps):
            if forced.is_set() and number == 0:
                continue
            self._signal(each)
            self._signal(signal.SIGCONT)  # a frozen process would not see it
            if await self._ended_within(grace, forced):
                return True
        self._signal_group(signal.SIGKILL)
        await self.wait()
        return False

    async def _ended_within(self, grace: float, forced: asyncio.Event) -> bool:
        if forced.is_set():
            grace = min(grace, _FORCED_GRACE)
        ended, losing_patience = asyncio.create_task(self.wait()), asyncio.create_task(forced.wait())
        waited_for = {ended} if forced.is_set() else {ended, losing_patience}
        done, _ = await asyncio.wait(waited_for, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        losing_patience.cancel()
        return ended in done

    def log_tail(self, lines: int = 6) -> tuple[str, ...]:
        """The last lines that this life of the part wrote."""
        with self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_offset, size - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
        return tuple(line for line in text.splitlines() if line.strip())[-lines:]

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _put_aside_if_large(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".old.log"))
