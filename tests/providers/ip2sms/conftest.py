"""The simulated IP2SMS in both forms."""

import pytest

from heliograph.simulator.client import SimulatorClient
from tests.providers.ip2sms.peer import Ip2smsPeer


@pytest.fixture(params=["xml", "json"])
def peer(request: pytest.FixtureRequest, simulator: SimulatorClient) -> Ip2smsPeer:
    """One message a request."""
    return Ip2smsPeer(simulator, format=request.param)


@pytest.fixture(params=["xml", "json"])
def grouping_peer(request: pytest.FixtureRequest, simulator: SimulatorClient) -> Ip2smsPeer:
    """Ten messages a request, and groups are asked for as a whole."""
    return Ip2smsPeer(simulator, format=request.param, messages_per_request=10, xml_group_request="details")
