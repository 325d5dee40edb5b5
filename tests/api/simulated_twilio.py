"""Twilio's simulator inside the test's event loop, which can be told to fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from heliograph.simulator.http import HttpProtocol, Reply, Request
from heliograph.simulator.script import Script
from heliograph.simulator.simulator import Simulator
from heliograph.stack.ports import free_port

GOOD = {"account_sid": "AC" + "1" * 32, "auth_token": "right token"}
ROTATED = {"account_sid": "AC" + "1" * 32, "auth_token": "another right token"}
REFUSED = {"account_sid": "AC" + "1" * 32, "auth_token": "bad token"}
LONG_CODE = "+12015550123"
UNKNOWN_LONG_CODE = "+12015550404"
MESSAGING_SERVICE = "MG9752274e9e519418a7406176694466fa"


@dataclass
class SimulatedTwilio:
    """Where it listens, how many of the next requests fail with 503, and how many came."""

    url: str
    failures: int = 0
    requests: list[bytes] = field(default_factory=list)
    follow: Callable[[Script], None] = field(default=lambda script: None)


@asynccontextmanager
async def simulated_twilio() -> AsyncIterator[SimulatedTwilio]:
    """A running simulator."""
    simulator = Simulator(Script())
    port = free_port()
    twilio = SimulatedTwilio(f"http://127.0.0.1:{port}", follow=simulator.follow)

    def answer(request: Request) -> Reply:
        twilio.requests.append(request.path)
        if twilio.failures:
            twilio.failures -= 1
            return Reply(503, b'{"code": 20503, "message": "Service unavailable", "status": 503}')
        return simulator.twilio.answer(request)

    server = await asyncio.get_running_loop().create_server(lambda: HttpProtocol(answer), "127.0.0.1", port)
    try:
        yield twilio
    finally:
        server.close()
        simulator.close()
