"""The same peers as the simulator's own tests use."""

from tests.simulator.conftest import receiver, simulator, simulator_url

__all__ = ["receiver", "simulator", "simulator_url"]
