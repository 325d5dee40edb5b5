"""A simulated SMSC: SMPP 3.4 on a port of its own, on the same scripts and in the same log as the other providers."""

from heliograph.simulator.smsc.server import Smsc
from heliograph.simulator.smsc.words import Spoken

__all__ = ["Smsc", "Spoken"]
