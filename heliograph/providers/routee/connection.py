"""An open Routee account: sends messages, tracks them, reads the balance."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, NotFound, UpstreamFailed
from heliograph.providers.protocol import (
    Accepted,
    Balance,
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    ProviderError,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.routee.reports import REFERENCE_PARAMETER, read_part, whole
from heliograph.providers.shared.callback_address import with_reference
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.providers.shared.oauth import Tokens, TokenTransport
from heliograph.providers.shared.outcomes import of_status, refuse_surrogates, unreadable
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.shared.scrubbing import scrub

NAME: Final = "Routee"
KEY: Final = "routee"
_API_HOST: Final = "https://connect.routee.net"
_TOKEN_HOST: Final = "https://auth.routee.net"  # no secret
_INVALID_SENDER: Final = "400005000"
"""The request names no recipient, or a sender that is not valid; ours always name a recipient."""
_JSON: Final = {"Content-Type": "application/json"}


class RouteeCredentials(BaseModel):
    """What Routee's console shows for an application."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    application_id: str = Field(min_length=1, max_length=100, description="Application id.")
    application_secret: SecretStr = Field(min_length=1, max_length=200, description="Application secret.")


class RouteeConnection(FewAnswers):
    """One application, one pool, one token, used by many tasks at once."""

    provider_name: ClassVar[str] = NAME

    def __init__(self, credentials: RouteeCredentials, options: ConnectionOptions) -> None:
        self._transport = HttpTransport(NAME, options)
        self._tokens = Tokens(
            self._transport,
            f"{base_url(options, KEY, _TOKEN_HOST)}/oauth/token",
            credentials.application_id,
            credentials.application_secret.get_secret_value(),
        )
        self._api = TokenTransport(self._transport, self._tokens)
        self._host = base_url(options, KEY, _API_HOST)
        self._callback_url = options.callback_url

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one request. See docs/providers/routee.md for what each answer becomes."""
        refused = refuse_surrogates(message)
        if refused is not None:
            return refused
        content: dict[str, Any] = {"body": message.body, "to": message.to, "from": sender.address}
        if self._callback_url is not None:
            url = with_reference(self._callback_url, REFERENCE_PARAMETER, message.reference)
            content["callback"] = {"url": url, "strategy": "OnChange"}
        request = HttpRequest("POST", f"{self._host}/sms", _JSON, orjson.dumps(content))
        answer = await self._api.send(request, message.valid_until)
        return _outcome(answer) if isinstance(answer, HttpAnswer) else answer

    async def check_credentials(self) -> None:
        """Asks for a token: Routee gives one for right credentials alone."""
        await self._tokens.current()

    async def balance(self) -> Balance:
        """The money left."""
        answer = await self._api.ask(HttpRequest("GET", f"{self._host}/accounts/me/balance"))
        content = answer.json_object() or {}
        currency = content.get("currency")
        try:
            return Balance(
                Decimal(str(content["balance"])), str(currency["code"] if isinstance(currency, dict) else "")
            )
        except (ArithmeticError, KeyError) as error:
            raise UpstreamFailed("Routee's answer does not name the balance") from error

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message, from its parts; `NotFound` or `UpstreamFailed`."""
        url = f"{self._host}/sms/tracking/single/{quote(provider_message_id, safe='')}"
        answer = await self._api.ask(HttpRequest("GET", url))
        try:
            parts = [read_part(part) for part in _tracked(answer)]
        except InvalidInput as error:
            raise UpstreamFailed(f"Routee's tracking cannot be read: {error.detail}") from error
        if not parts:
            raise NotFound("Routee does not have it", code="not_found_at_provider")
        return whole(parts)

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.aclose()


def _outcome(answer: HttpAnswer) -> Outcome:
    content = answer.json_object() or {}
    if not answer.is_success:
        return of_status(NAME, answer, _refusal(content))
    tracking_id = content.get("trackingId")
    if not isinstance(tracking_id, str) or not tracking_id:
        return unreadable(NAME, answer)
    analysis = content.get("bodyAnalysis")
    parts = analysis.get("parts") if isinstance(analysis, dict) else None
    return Accepted(tracking_id, str(content.get("status", "")), parts if isinstance(parts, int) else None)


def _refusal(content: Mapping[str, Any]) -> ProviderError | None:
    """Routee's error, in the form that it documents: a code, and a message for developers."""
    code = content.get("code")
    if not isinstance(code, str) or not code:
        return None
    if code == _INVALID_SENDER:
        return ProviderError(ErrorClass.SENDER, code, "The sender is not valid")
    words = scrub(str(content.get("developerMessage") or ""))
    return ProviderError(ErrorClass.OTHER, code[:40], words or f"Routee's error {code[:40]}")


def _tracked(answer: HttpAnswer) -> list[dict[str, Any]]:
    """The parts; Routee documents their fields and says "messages (parts)", which is a list."""
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise UpstreamFailed("Routee's tracking is not JSON") from error
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, dict) for part in parts):
        raise UpstreamFailed("Routee's tracking is not a list of parts")
    return parts
