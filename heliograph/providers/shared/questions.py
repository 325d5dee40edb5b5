"""What the connection of a simple provider says to questions that its provider cannot answer.

`Capabilities` say what may be asked; nothing here is called for what they leave out. Mixed into a connection.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import ClassVar

from heliograph.errors import BadRequest
from heliograph.providers.protocol import Balance, LoggedMessage, SenderAddress, StatusReport


class FewAnswers:
    """`BadRequest` for everything that a provider may leave out; every sender is taken as given."""

    provider_name: ClassVar[str]

    async def check_sender(self, sender: SenderAddress) -> None:
        """The provider lists no senders: it speaks up when it is sent from."""

    async def balance(self) -> Balance:
        """Not to be had."""
        raise self._cannot("tell its balance")

    async def poll(self, provider_message_id: str) -> StatusReport:  # noqa: ARG002
        """Not to be had."""
        raise self._cannot("be asked for a status")

    async def look_up(
        self,
        *,
        to: str,  # noqa: ARG002
        body: str | None,  # noqa: ARG002
        sender: SenderAddress,  # noqa: ARG002
        since: datetime,  # noqa: ARG002
    ) -> Sequence[StatusReport]:
        """Not to be had."""
        raise self._cannot("search its messages")

    def log(self, sender: SenderAddress, since: datetime, until: datetime) -> AsyncIterator[LoggedMessage]:  # noqa: ARG002
        """Not to be had."""
        raise self._cannot("list its messages")

    def _cannot(self, what: str) -> BadRequest:
        return BadRequest(f"{self.provider_name} cannot {what}", code="not_supported_by_provider")
