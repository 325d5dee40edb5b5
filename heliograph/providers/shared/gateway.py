"""Connections to simple gateways: one request a message, and the answer is all that they say of it themselves."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlencode

from heliograph.providers.protocol import (
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
)
from heliograph.providers.shared.dlt import DltRegistration
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.shared.outcomes import refuse_surrogates
from heliograph.providers.shared.questions import FewAnswers

_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Transport(Protocol):
    """What a gateway is written to with: `HttpTransport`, or `GuardedTransport` where users give the address."""

    async def send(self, request: HttpRequest, valid_until: float) -> HttpAnswer | NotProcessed | InDoubt:
        """One request for a message, and its answer, whatever its status."""

    async def aclose(self) -> None:
        """Closes the pool."""


class Gateway(FewAnswers, ABC):
    """A connection. Its kind says how a message is asked for, and what an answer means."""

    def __init__(self, transport: Transport, dlt: DltRegistration) -> None:
        self._transport = transport
        self._dlt = dlt

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one request; a text that India's operators would not let pass is refused unsent."""
        refused = refuse_surrogates(message)
        if refused is not None:
            return refused
        template_id = self._dlt.template_id(message.to, message.body)
        if isinstance(template_id, ProviderError):
            return Refused(template_id)
        request = self.request(message, sender, template_id)
        if isinstance(request, Refused):
            return request
        answer = await self._transport.send(request, message.valid_until)
        return self.outcome(answer) if isinstance(answer, HttpAnswer) else answer

    @abstractmethod
    def request(
        self, message: OutgoingMessage, sender: SenderAddress, template_id: str | None
    ) -> HttpRequest | Refused:
        """How the gateway is asked to send; a refusal where it cannot be. `template_id` is DLT's."""

    @abstractmethod
    def outcome(self, answer: HttpAnswer) -> Outcome:
        """What became of the message."""

    async def check_credentials(self) -> None:
        """Nothing is asked: no question that does no harm is known. A test message tells."""

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.aclose()


def form_post(url: str, fields: Mapping[str, str | None], headers: Mapping[str, str] | None = None) -> HttpRequest:
    """A form; fields that are None are left out."""
    return HttpRequest("POST", url, {**_FORM, **(headers or {})}, encoded(fields).encode("ascii"))


def encoded(fields: Mapping[str, str | None]) -> str:
    """A form or query; fields that are None are left out."""
    return urlencode({name: value for name, value in fields.items() if value is not None})


def digits(number: str) -> str:
    """An E.164 number without its plus, as most gateways want it."""
    return number.removeprefix("+")
