"""Twilio's peer."""

import pytest

from heliograph.simulator.client import SimulatorClient
from tests.providers.twilio.peer import TwilioPeer


@pytest.fixture
def peer(simulator: SimulatorClient) -> TwilioPeer:
    """Twilio with a clean simulator."""
    return TwilioPeer(simulator)
