"""Trying a connector that a user describes: the request and the answer as they were, with every secret hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from heliograph.providers.protocol import Outcome, OutgoingMessage, SenderAddress


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """What was written."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What came back."""

    status: int
    body: str  # its first 4,000 characters
    seconds: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One message tried. Without a request none could be made; without an answer none came. The outcome says why."""

    request: ShownRequest | None
    answer: ShownAnswer | None
    outcome: Outcome


@runtime_checkable
class TriesOut(Protocol):
    """A connection that shows what it does."""

    async def try_out(self, message: OutgoingMessage, sender: SenderAddress) -> Trial:
        """Sends the message as `send` does, and shows it."""
