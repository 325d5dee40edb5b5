"""The API process: `python -m api`. Composition root: settings, doors, application, server.

One process, one event loop: Granian's Rust side reads and writes HTTP in threads of its own, Python answers on
uvloop. To serve more, run more processes, each on its own port, behind one address.
"""

import asyncio
import logging
import signal
import socket
import sys

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from api.app import create_app
from heliograph.errors import Defect, HeliographError
from heliograph.providers.registry import providers
from heliograph.services.metrics import counting
from heliograph.services.opening import open_services
from heliograph.settings import Settings, settings
from heliograph.stack.collector import tune_collector
from heliograph.telemetry.http import instrumented
from heliograph.telemetry.logs import configure_logging
from heliograph.telemetry.setup import start_telemetry
from heliograph.temporal.exit import leave

_BACKLOG = 2048

logger = logging.getLogger("api")


async def serve(configured: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then answers what has come and closes the doors.

    Temporal may be away at the start: what needs it answers 503 until it is there.
    """
    _check_port(configured)
    async with (
        open_services(configured, application="heliograph api", lazy_temporal=True) as services,
        counting(services.database, configured),
    ):
        server = Server(
            instrumented(create_app(services)),
            address=configured.api_host,
            port=configured.api_port,
            interface=Interfaces.ASGI,
            http=HTTPModes.auto,
            http1_settings=HTTP1Settings(header_read_timeout=30_000),
            websockets=False,
            backlog=_BACKLOG,
            log_enabled=False,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        providers()  # their libraries take a second to load, and are loaded before the collector is told
        tune_collector()
        logger.info("listening on http://%s:%s", configured.api_host, configured.api_port)
        await server.serve()
        if server.interrupt_children:
            raise Defect("the HTTP server ended by itself: the log says more")
        logger.info("stopped")


def _check_port(configured: Settings) -> None:
    """Granian shares its port with whoever else asks to (SO_REUSEPORT): two APIs would each get half the calls."""
    family, *_, address = socket.getaddrinfo(configured.api_host, configured.api_port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def main() -> int:
    """The process; its exit code."""
    configured = settings()
    configure_logging("api", configured)
    with start_telemetry("api"):
        try:
            uvloop.run(serve(configured))
        except HeliographError as error:
            sys.stderr.write(f"{error.detail}\n")
            return 1
        except OSError as error:
            sys.stderr.write(f"cannot listen on {configured.api_host}:{configured.api_port}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    leave(main())
