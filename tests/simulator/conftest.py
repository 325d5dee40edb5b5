"""A simulator per test module, clean for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from heliograph.simulator.client import SimulatorClient
from tests.simulator.process import running_simulator
from tests.simulator.receiver import Receiver, open_receiver


@pytest.fixture(scope="module")
def simulator_url() -> Iterator[str]:
    """A simulator in its own process."""
    with running_simulator() as url:
        yield url


@pytest_asyncio.fixture
async def simulator(simulator_url: str) -> AsyncIterator[SimulatorClient]:
    """Its client; everything forgotten before the test."""
    async with SimulatorClient(simulator_url) as client:
        await client.reset()
        yield client


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Where callbacks go."""
    async with open_receiver() as opened:
        yield opened
