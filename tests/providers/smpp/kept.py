"""An inbox for tests: keeps what comes, or fails as often as it is told."""

import asyncio
from collections.abc import Sequence

from heliograph.providers.protocol import InboundMessage, StatusReport


class KeptInbox:
    """See `providers.protocol.Inbox`."""

    def __init__(self) -> None:
        self.reports: list[StatusReport] = []
        self.messages: list[InboundMessage] = []
        self.failures = 0
        self.open = asyncio.Event()
        self.open.set()

    async def take_reports(self, reports: Sequence[StatusReport]) -> None:
        """Keeps receipts, once the door is open."""
        await self._enter()
        self.reports += reports

    async def take_inbound(self, messages: Sequence[InboundMessage]) -> None:
        """Keeps messages."""
        await self._enter()
        self.messages += messages

    async def _enter(self) -> None:
        await self.open.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("no database")
