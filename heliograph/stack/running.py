"""A whole stack for as long as a block lasts: for `heliograph up`, the demo, benches and tests."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from heliograph.errors import Unavailable
from heliograph.secrets import load_key_ring
from heliograph.settings import Settings
from heliograph.settings import settings as settings_of_process
from heliograph.stack.caretaker import Surroundings
from heliograph.stack.composition import PARTS, Choice, compose, doors_of
from heliograph.stack.description import Doors, PartDescription, StackDescription, settings_of_doors
from heliograph.stack.directory import LOGS, prepare_directory
from heliograph.stack.environment import environment_of, settings_with
from heliograph.stack.events import Event, EventKind, Report, ignore
from heliograph.stack.layout import Ports
from heliograph.stack.leftovers import MARK
from heliograph.stack.supervisor import Supervisor
from heliograph.stack.takeover import hold_directory, take_over
from heliograph.temporal.client import connect


@dataclass
class RunningStack:
    """A stack, its doors, and the settings of a process that uses them."""

    settings: Settings
    doors: Doors
    supervisor: Supervisor = field(repr=False)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    stopped_at: datetime | None = None

    @property
    def parts(self) -> dict[str, PartDescription]:
        """The processes as they are now."""
        return {name: PartDescription(pid=pid) for name, pid in self.supervisor.pids.items()}

    def describe(self) -> None:
        """Writes `stack.json` anew."""
        StackDescription(
            pid=os.getpid(),
            started_at=self.started_at,
            stopped_at=self.stopped_at,
            doors=self.doors,
            reachable_hosts=self.settings.reachable_hosts,
            parts=self.parts,
        ).write(self.settings.data_dir)

    async def stop(self, part: str) -> None:
        """Stops one part; it stays down until `start`."""
        await self.supervisor.stop_part(part)

    async def start(self, part: str) -> None:
        """Starts a part that was stopped, and waits until it is ready."""
        await self.supervisor.start_part(part)

    async def wait_ready(self, part: str) -> None:
        """Until a part is ready, for instance after it was killed."""
        await self.supervisor.wait_ready(part)


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """What a stack is to be."""

    data_dir: Path | None = None  # by default that of the settings
    parts: Collection[str] = PARTS
    ports: Ports | None = None  # by default those of the last time, or the usual ones, or free ones in their place
    settings: Settings | None = None  # by default those of this process
    extra_environment: Mapping[str, str] = field(default_factory=dict)  # for every process, and `RunningStack.settings`
    report: Report = ignore

    def note(self, part: str, text: str) -> None:
        """Reports something that is neither good nor bad."""
        self.report(Event(EventKind.NOTE, part, text))


@asynccontextmanager
async def prepared_stack(options: StackOptions) -> AsyncIterator[RunningStack]:
    """A stack that is not started yet (`supervisor.start`), and is stopped at the end.

    Holds the data directory all the while; `Conflict` when another stack runs on it.
    """
    configured = settings_with(options.settings or settings_of_process(), options.extra_environment)
    directory = prepare_directory(options.data_dir or configured.data_dir)
    with hold_directory(directory):
        stack = await _assemble(configured.model_copy(update={"data_dir": directory}), options)
        stack.describe()
        try:
            yield stack
        finally:
            await stack.supervisor.stop()
            stack.stopped_at = datetime.now(UTC)
            stack.describe()


@asynccontextmanager
async def running_stack(
    data_dir: Path | None = None,
    *,
    parts: Collection[str] = PARTS,
    ports: Ports | None = None,
    settings: Settings | None = None,
    extra_environment: Mapping[str, str] | None = None,
    report: Report = ignore,
    ready_within: float = 120.0,
) -> AsyncIterator[RunningStack]:
    """A stack of which every part is ready; stopped at the end. A part that crashes is started again meanwhile.

    `Unavailable` when it is not ready in time (seconds). For the arguments see `StackOptions`.
    """
    options = StackOptions(
        data_dir=data_dir,
        parts=parts,
        ports=ports,
        settings=settings,
        extra_environment=extra_environment or {},
        report=report,
    )
    async with prepared_stack(options) as stack:
        try:
            async with asyncio.timeout(ready_within):
                await stack.supervisor.start()
        except TimeoutError:
            logs = stack.settings.data_dir / LOGS
            raise Unavailable(f"the stack was not ready within {ready_within:.0f} s: read the logs in {logs}") from None
        yield stack


async def _assemble(configured: Settings, options: StackOptions) -> RunningStack:
    """`configured` names the data directory by its absolute path."""
    directory = configured.data_dir
    last = take_over(directory, lambda text: options.note("stack", text))
    choice = Choice.of(configured, options.parts)
    ports = options.ports or Ports.remembered(
        configured, last.doors if last else None, lambda text: options.note("stack", text)
    )
    doors = doors_of(configured, choice, ports)
    settings = _with_doors(configured, doors)
    client = await connect(settings, load_key_ring(settings), lazy=True)
    environment = {
        **os.environ,
        **environment_of(settings),
        **options.extra_environment,
        MARK: str(directory),
        "PYTHONUNBUFFERED": "1",
    }
    supervisor = Supervisor(
        compose(settings, choice, ports, client, options.note),
        Surroundings(environment, directory / LOGS, options.report),
    )
    stack = RunningStack(settings, doors, supervisor)
    supervisor.when_changed(stack.describe)
    return stack


def _with_doors(settings: Settings, doors: Doors) -> Settings:
    overlay = settings_of_doors(settings, doors)
    if "simulator_url" in settings.model_fields_set:
        overlay.pop("simulator_url", None)  # not there without a simulator
    return settings.model_copy(update=overlay)
