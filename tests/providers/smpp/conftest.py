"""A simulator that is an SMSC too."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from heliograph.simulator.client import SimulatorClient
from heliograph.stack.ports import free_port
from tests.providers.smpp.peer import SmppPeer
from tests.simulator.process import running_simulator


@dataclass(frozen=True)
class Simulated:
    """The simulator, and where its SMSC is."""

    client: SimulatorClient
    port: int


@pytest.fixture(scope="module")
def smsc_place() -> Iterator[tuple[str, int]]:
    """A simulator in its own process: its address, and the port of its SMSC."""
    port = free_port()
    with running_simulator("--smpp-port", str(port), port=free_port(besides=[port])) as url:
        yield url, port


@pytest_asyncio.fixture
async def smsc(smsc_place: tuple[str, int]) -> AsyncIterator[Simulated]:
    """Its client; everything forgotten before the test."""
    url, port = smsc_place
    async with SimulatorClient(url) as client:
        await client.reset()
        yield Simulated(client, port)


@pytest.fixture
def peer(smsc: Simulated) -> SmppPeer:
    """SMPP with a clean simulator."""
    return SmppPeer(smsc.client, smsc.port)
