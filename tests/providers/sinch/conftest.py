"""Sinch's peer."""

import pytest

from heliograph.simulator.client import SimulatorClient
from tests.providers.sinch.peer import SinchPeer


@pytest.fixture
def peer(simulator: SimulatorClient) -> SinchPeer:
    """Sinch with a clean simulator."""
    return SinchPeer(simulator)
