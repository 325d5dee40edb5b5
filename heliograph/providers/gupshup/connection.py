"""An open Gupshup account. Gupshup answers HTTP 200 to refusals too: what counts is the body."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.message_parts import is_gsm7
from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.errors import InvalidInput, Unauthenticated
from heliograph.providers.custom.callbacks import Inbound
from heliograph.providers.protocol import (
    Accepted,
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    ProviderError,
    SenderAddress,
)
from heliograph.providers.shared.dlt import DltRegistration
from heliograph.providers.shared.gateway import Gateway, digits, form_post
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.providers.shared.outcomes import of_error, of_status, unreadable
from heliograph.providers.shared.scrubbing import scrub

KEY: Final = "gupshup"
NAME: Final = "Gupshup"
_HOST: Final = "https://enterprise.smsgupshup.com"
_PATH: Final = "/GatewayAPI/rest"

REQUEST_CODES: Final[Mapping[str, tuple[E, str]]] = {
    "100": (E.UNKNOWN_OUTCOME, "Gupshup reports an unknown error"),
    "101": (E.OTHER, "A parameter is missing"),
    "102": (E.AUTH, "The authentication failed"),
    "103": (E.AUTH, "The user does not exist"),
    "104": (E.ACCOUNT, "The user is disabled"),
    "105": (E.RECIPIENT, "The phone number is not valid"),
    "106": (E.ACCOUNT, "The method is not supported for this account"),
    "107": (E.OTHER, "The version of the API is unknown"),
    "108": (E.SENDER, "The mask (sender) is not valid"),
    "109": (E.OTHER, "The flag for DND is not valid"),
    "175": (E.SENDER, "Sending to other countries is not enabled for the account"),
}
"""Codes in the answer to a request."""

_NUMBER_MASK: Final = re.compile(r"[0-9]{10}")
_NAME_MASK: Final = re.compile(r"[A-Za-z0-9]{1,8}")


def check_mask(address: str) -> str:
    """The rule of Gupshup's error 108."""
    address = address.strip()
    if not (_NUMBER_MASK.fullmatch(address) or _NAME_MASK.fullmatch(address)):
        raise InvalidInput.of("address", "a mask has at most 8 ASCII letters and digits, or is a number of 10 digits")
    return address


class GupshupCredentials(BaseModel):
    """What Gupshup gives to an enterprise account."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    user_id: str = Field(pattern=r"^[0-9]{1,20}$", description="User id: digits.")
    password: SecretStr = Field(min_length=1, max_length=128, description="Password of the API user.")


class GupshupConfiguration(BaseModel):
    """What else an account needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dlt: DltRegistration = Field(default=DltRegistration(), description="The registration with India's operators.")
    inbound: Inbound | None = Field(default=None, description="How messages from people are read.")


class GupshupConnection(Gateway):
    """One account, one pool, used by many tasks at once."""

    provider_name = NAME

    def __init__(
        self, credentials: GupshupCredentials, configuration: GupshupConfiguration, options: ConnectionOptions
    ) -> None:
        self._http = HttpTransport(NAME, options)
        super().__init__(self._http, configuration.dlt)
        self._url = base_url(options, KEY, _HOST) + _PATH
        self._fixed = {
            "userid": credentials.user_id,
            "password": credentials.password.get_secret_value(),
            "method": "sendMessage",
            "auth_scheme": "plain",
            "v": "1.1",
            "format": "JSON",
            "principalEntityId": configuration.dlt.entity_id,
        }

    def request(self, message: OutgoingMessage, sender: SenderAddress, template_id: str | None) -> HttpRequest:
        """The form of `sendMessage`."""
        return form_post(
            self._url,
            {
                **self._fixed,
                "send_to": digits(message.to),
                "msg": message.body,
                "msg_type": "TEXT" if is_gsm7(message.body) else "Unicode_text",
                "mask": sender.address,
                "dltTemplateId": template_id,
            },
        )

    def outcome(self, answer: HttpAnswer) -> Outcome:
        """What the body says, whatever the HTTP status."""
        reply = _read(answer)
        if reply.is_error:
            refused = reply.error()
            return of_error(refused) if answer.is_success else of_status(NAME, answer, refused)
        if not answer.is_success:
            return of_status(NAME, answer)
        if reply.status == "success" and reply.id:
            return Accepted(reply.id, reply.status)
        return unreadable(NAME, answer)

    async def check_credentials(self) -> None:
        """`Unauthenticated` when Gupshup names the account as the reason to refuse a message to nobody.

        There is no question for it. A request without recipient and text cannot send anything; should Gupshup complain
        of them first, the credentials are taken as given.
        """
        answer = await self._http.fetch(form_post(self._url, self._fixed))
        if answer.status in {401, 403, 429} or answer.status >= 500:
            raise self._http.refusal(answer)
        reply = _read(answer)
        if reply.is_error and reply.error().error_class in {E.AUTH, E.ACCOUNT}:
            raise Unauthenticated(f"{NAME} does not accept the credentials: {reply.error().message}")


class _Reply(NamedTuple):
    """Gupshup's three words: `success`, number, id; or `error`, code, details."""

    status: str
    id: str  # of the message, or the code of an error
    details: str

    @property
    def is_error(self) -> bool:
        return self.status == "error"

    def error(self) -> ProviderError:
        code = self.id[:40]
        known = REQUEST_CODES.get(code)
        if known is not None:
            return ProviderError(known[0], code, known[1])
        return ProviderError(E.OTHER, code or "error", scrub(self.details) or f"Gupshup's error {code}")


def _read(answer: HttpAnswer) -> _Reply:
    """A reply in JSON, or in the plain text that an early error may come in; empty when it is neither."""
    content = answer.json_object()
    if content is None:
        status, *rest = (piece.strip() for piece in answer.text.split("|"))
        first, second = (*rest, "", "")[:2]
        status = status.lower()
        return _Reply(status, second, "") if status == "success" else _Reply(status, first, second)
    response = content.get("response")
    fields = response if isinstance(response, dict) else {}
    return _Reply(*(_text(fields.get(name)) for name in ("status", "id", "details")))


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""
