"""Simulated providers in a process of their own.

`python -m heliograph.simulator --port N [--smtp-port N] [--smpp-port N] [--script FILE] [--log FILE]`
"""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop
from pydantic import ValidationError

from heliograph.simulator.admin import Admin
from heliograph.simulator.http import HttpProtocol, Reply, Request
from heliograph.simulator.script import Preset, Script
from heliograph.simulator.simulator import Simulator

_BACKLOG = 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m heliograph.simulator", description="Simulated providers.")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--smtp-port", type=int, help="also be a mail relay, on this port")
    parser.add_argument("--smpp-port", type=int, help="also be an SMSC, on this port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--preset", type=Preset, choices=list(Preset), help="instead of a script: ready-made defaults")
    parser.add_argument("--script", type=Path, help="a script in JSON, see docs/simulator.md")
    parser.add_argument("--log", type=Path, help="append every accepted message to this file, and read it at the start")
    return parser.parse_args()


def _script(arguments: argparse.Namespace) -> Script:
    if arguments.script is None:
        return Script(preset=arguments.preset or Preset.PLAIN)
    return Script.model_validate_json(arguments.script.read_bytes())


async def serve(arguments: argparse.Namespace, script: Script) -> None:
    """Serves until SIGTERM or SIGINT."""
    simulator = Simulator(script, arguments.log)
    admin = Admin(simulator)

    def answer(request: Request) -> Reply:
        return simulator.answer(request) or admin.answer(request)

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    protocols: tuple[tuple[int | None, Callable[[], asyncio.Protocol]], ...] = (
        (arguments.port, lambda: HttpProtocol(answer)),
        (arguments.smtp_port, simulator.mail_relay.protocol),
        (arguments.smpp_port, simulator.smsc.protocol),
    )
    servers = [
        await loop.create_server(protocol, arguments.host, port, backlog=_BACKLOG)
        for port, protocol in protocols
        if port is not None
    ]
    gc.freeze()  # a million messages are no garbage: the collector need not look at what was there at the start
    try:
        await stop.wait()
    finally:
        for each in servers:
            each.close()
        simulator.close()


def main() -> int:
    """The process."""
    arguments = _arguments()
    try:
        script = _script(arguments)
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"{arguments.script}: {error}\n")
        return 2
    try:
        uvloop.run(serve(arguments, script))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {arguments.host}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
