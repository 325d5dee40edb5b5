"""The simulated mail relay, and aiosmtpd as an independent one."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from heliograph.simulator.client import SimulatorClient
from heliograph.stack.ports import free_port
from tests.providers.smtp.peer import SmtpPeer
from tests.providers.smtp.relay import Relay, open_relay
from tests.simulator.process import running_simulator


@pytest.fixture(scope="module")
def mail_simulator() -> Iterator[tuple[str, int]]:
    """A simulator that is a mail relay too: its address, and the relay's port."""
    port = free_port()
    with running_simulator("--smtp-port", str(port)) as url:
        yield url, port


@pytest_asyncio.fixture
async def peer(mail_simulator: tuple[str, int]) -> AsyncIterator[SmtpPeer]:
    """The simulated relay, with everything forgotten."""
    url, port = mail_simulator
    async with SimulatorClient(url) as client:
        await client.reset()
        yield SmtpPeer(client, port)


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[Relay]:
    """An independent relay without TLS."""
    async with open_relay() as opened:
        yield opened
