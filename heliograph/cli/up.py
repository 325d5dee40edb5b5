"""`heliograph up`: the whole stack under one supervisor, until Ctrl-C."""

import asyncio
import signal
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from heliograph.cli.output import console
from heliograph.cli.session import choices, run
from heliograph.settings import settings
from heliograph.stack.bootstrap import API_KEY_FILE
from heliograph.stack.composition import PARTS
from heliograph.stack.directory import LOGS
from heliograph.stack.events import Event, EventKind
from heliograph.stack.running import RunningStack, StackOptions, prepared_stack

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_COLOURS = {
    EventKind.READY: "green",
    EventKind.SLOW: "yellow",
    EventKind.CRASHED: "yellow",
    EventKind.KILLED: "yellow",
    EventKind.KEEPS_CRASHING: "red",
}


def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where data, keys and logs are; by default HELIOGRAPH_DATA_DIR, or ./.heliograph."),
    ] = None,
    without_simulator: Annotated[
        bool, typer.Option("--without-simulator", help="Send to the providers themselves: messages cost money.")
    ] = False,
) -> None:
    """Start everything and keep it running until Ctrl-C.

    What HELIOGRAPH_DATABASE_URL and TEMPORAL_ADDRESS name is used, not started.
    """
    parts = [part for part in PARTS if part != "simulator" or not without_simulator]
    directory = data_dir or choices.data_dir or settings().data_dir
    run(_up(StackOptions(data_dir=directory, parts=parts, report=print_event)))


async def _up(options: StackOptions) -> None:
    stop_asked = asyncio.Event()
    async with prepared_stack(options) as stack:
        _listen_to_signals(stack, stop_asked)
        console.print(_doors(stack))
        starting = asyncio.create_task(_start(stack))
        stopping = asyncio.create_task(stop_asked.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stop_asked.is_set() and not starting.exception():
            await stopping
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
        elif error := starting.exception():
            raise error


async def _start(stack: RunningStack) -> None:
    began = asyncio.get_running_loop().time()
    await stack.supervisor.start()
    seconds = asyncio.get_running_loop().time() - began
    print_event(Event(EventKind.READY, "stack", f"everything is ready after {seconds:.1f} s; Ctrl-C stops it"))


def _listen_to_signals(stack: RunningStack, stop_asked: asyncio.Event) -> None:
    def asked(number: signal.Signals) -> None:
        if stop_asked.is_set():
            stack.supervisor.force()
            return
        stop_asked.set()
        print_event(Event(EventKind.NOTE, "stack", f"{number.name}: stopping; once more to force it"))

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, asked, number)


def _doors(stack: RunningStack) -> Table:
    table = Table(title="Heliograph", title_justify="left", show_header=False)
    directory = stack.settings.data_dir
    doors = stack.doors
    rows = {
        "API": doors.api,
        "API documentation": f"{doors.api}/docs" if doors.api else None,
        "Callbacks come to": doors.public if doors.public != doors.api else None,
        "API key": str(directory / API_KEY_FILE),
        "Temporal UI": doors.temporal_ui,
        "Temporal": doors.temporal,
        "PostgreSQL": _without_password(doors.database),
        "Simulated providers": doors.simulator,
        "Simulated mail relay": doors.simulator_smtp,
        "Simulated SMSC (SMPP)": doors.simulator_smpp,
        "Logs": str(directory / LOGS),
    }
    for name, address in rows.items():
        if address:
            table.add_row(name, escape(address))
    return table


def _without_password(url: str | None) -> str | None:
    if url is None or "@" not in url:
        return url
    scheme, _, rest = url.partition("://")
    credentials, _, place = rest.rpartition("@")
    user, separator, _ = credentials.partition(":")
    return f"{scheme}://{user}{':…' if separator else ''}@{place}"


def print_event(event: Event) -> None:
    """One line an event, and the log's last lines below it where they explain it."""
    time = datetime.now().astimezone().strftime("%H:%M:%S")
    colour = _COLOURS.get(event.kind, "default")
    console.print(f"{time}  {event.part:<18} [{colour}]{escape(event.text)}[/]")
    for line in event.log_lines:
        console.print(f"{'':<10}{'':<18} [dim]{escape(line)}[/]")
