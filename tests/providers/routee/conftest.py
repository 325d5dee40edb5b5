"""Routee's peer."""

import pytest

from heliograph.simulator.client import SimulatorClient
from tests.providers.routee.peer import RouteePeer


@pytest.fixture
def peer(simulator: SimulatorClient) -> RouteePeer:
    """Routee with a clean simulator."""
    return RouteePeer(simulator)
