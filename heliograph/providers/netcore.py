"""Netcore SMS (bulkpush.mytoday.com): one form a message, an XML reply, receipts by configuration.

See docs/providers/netcore.md for what is published, what was only seen in use, and what has to be asked.
"""

import re
from collections.abc import Mapping
from typing import ClassVar, Final, Literal
from xml.etree.ElementTree import Element

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.vocabulary import Channel
from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.errors import BadRequest, FieldError, InvalidInput
from heliograph.providers.custom.rules import Code
from heliograph.providers.protocol import (
    Accepted,
    Account,
    Capabilities,
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    Provider,
    ProviderError,
    Refused,
    SenderAddress,
    SenderKind,
)
from heliograph.providers.shared.configured_callbacks import CallbackConfiguration, ConfiguredCallbacks
from heliograph.providers.shared.configured_reply import UnreadableReply, read_xml
from heliograph.providers.shared.dlt import DltRegistration
from heliograph.providers.shared.gateway import Gateway, digits, form_post
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.providers.shared.outcomes import of_error, of_status, unreadable
from heliograph.providers.shared.scrubbing import scrub
from heliograph.providers.shared.senders import FIELD, header_check

_KEY: Final = "netcore"
_NAME: Final = "Netcore SMS"
_HOST: Final = "https://bulkpush.mytoday.com"
_PATH: Final = "/BulkSms/SingleMsgApi"
_FEED: Final = "feed"
_HEADER: Final = "header"
_FEED_ID: Final = re.compile(r"[0-9]{1,20}")

REQUEST_CODES: Final[Mapping[str, tuple[E, str]]] = {
    "104": (E.ACCOUNT, "The credit is not sufficient"),
    "106": (E.CONTENT, "The message is empty"),
    "120": (E.RECIPIENT, "The number is not valid, or sending to its country is not enabled"),
}
"""The codes that were seen in replies; the table of the others is not public, and goes into the configuration."""


def _check_feed(address: str) -> str:
    address = address.strip()
    if not _FEED_ID.fullmatch(address):
        raise InvalidInput.of(FIELD, "a feed id has digits alone")
    return address


class NetcoreCredentials(BaseModel):
    """What Netcore gives to an account. Behind an allowed IP address no password is needed."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    username: str = Field(min_length=1, max_length=128, description="User name: usually a mobile number.")
    password: SecretStr | None = Field(default=None, min_length=1, max_length=128, description="Password.")
    api_key: SecretStr | None = Field(
        default=None, min_length=1, max_length=256, description="API key, where the account uses one."
    )


class NetcoreConfiguration(CallbackConfiguration):
    """What else an account needs."""

    feed_id: str | None = Field(
        default=None, pattern=r"^[0-9]{1,20}$", description="The feed that senders of kind header send through."
    )
    message_id: Literal["REQID", "TID"] = Field(
        default="REQID", description="Which id of the reply the delivery reports name: the request's or the message's."
    )
    errors: dict[Code, E] = Field(default_factory=dict, description="What kind of refusal an error code is.")
    dlt: DltRegistration = Field(default=DltRegistration(), description="The registration with India's operators.")


class NetcoreConnection(Gateway):
    """One account, one pool, used by many tasks at once."""

    provider_name = _NAME

    def __init__(
        self, credentials: NetcoreCredentials, configuration: NetcoreConfiguration, options: ConnectionOptions
    ) -> None:
        super().__init__(HttpTransport(_NAME, options), configuration.dlt)
        self._url = base_url(options, _KEY, _HOST) + _PATH
        self._configuration = configuration
        self._fixed = {
            "username": credentials.username,
            "password": _clear(credentials.password),
            "entityid": configuration.dlt.entity_id,
        }
        api_key = _clear(credentials.api_key)
        self._headers = {} if api_key is None else {"api-key": api_key}

    async def check_sender(self, sender: SenderAddress) -> None:
        """`BadRequest` for a header without a feed to send through."""
        if sender.kind == _HEADER and self._configuration.feed_id is None:
            rule = "has to be given before senders of kind header: they send through it"
            raise BadRequest(f"Invalid {_NAME} Details", errors=[FieldError("configuration.feed_id", rule)])

    def request(
        self, message: OutgoingMessage, sender: SenderAddress, template_id: str | None
    ) -> HttpRequest | Refused:
        """The form of `SingleMsgApi`."""
        feed_id = sender.address if sender.kind == _FEED else self._configuration.feed_id
        if feed_id is None:
            return Refused(ProviderError(E.SENDER, "no_feed", "The connector has no feed for this header"))
        fields = {
            **self._fixed,
            "feedid": feed_id,
            "senderid": sender.address if sender.kind == _HEADER else None,
            "To": digits(message.to),
            "Text": message.body,
            "templateid": template_id,
        }
        return form_post(self._url, fields, self._headers)

    def outcome(self, answer: HttpAnswer) -> Outcome:
        """Accepted where the reply names request and message, and no error."""
        try:
            result = read_xml(answer.body)
        except UnreadableReply:
            return unreadable(_NAME, answer) if answer.is_success else of_status(_NAME, answer)
        refused = self._refusal(result)
        if refused is not None:
            return of_error(refused) if answer.is_success else of_status(_NAME, answer, refused)
        if not answer.is_success:
            return of_status(_NAME, answer)
        message = result.find("MID")
        if message is None:
            return unreadable(_NAME, answer)
        found = (result if self._configuration.message_id == "REQID" else message).get(self._configuration.message_id)
        return Accepted(found, "accepted") if found else unreadable(_NAME, answer)

    def _refusal(self, result: Element) -> ProviderError | None:
        """The error of the request or of its one message; None where there is none."""
        code = (result.findtext(".//ERROR/CODE") or "").strip()[:40]
        if not code:
            return None
        if code in self._configuration.errors:
            return ProviderError(self._configuration.errors[code], code, self._words(result, code))
        if code in REQUEST_CODES:
            return ProviderError(REQUEST_CODES[code][0], code, REQUEST_CODES[code][1])
        return ProviderError(E.OTHER, code, self._words(result, code))

    @staticmethod
    def _words(result: Element, code: str) -> str:
        return scrub((result.findtext(".//ERROR/DESC") or "").strip()) or f"Netcore's error {code}"


def _clear(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


class Netcore(ConfiguredCallbacks):
    """The kind of connector. Stateless."""

    key: ClassVar[str] = _KEY
    name: ClassVar[str] = _NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=(
            SenderKind(_FEED, "Feed (its id)", _check_feed),
            SenderKind(_HEADER, "DLT header", header_check(longest=11)),
        ),
        references=False,
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
    )
    credentials: ClassVar[type[BaseModel]] = NetcoreCredentials
    configuration: ClassVar[type[BaseModel]] = NetcoreConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> NetcoreConnection:
        """A connection; its pool opens with the first request."""
        credentials, configuration = account.credentials, account.configuration
        if not (isinstance(credentials, NetcoreCredentials) and isinstance(configuration, NetcoreConfiguration)):
            raise TypeError("Netcore takes NetcoreCredentials and a NetcoreConfiguration")
        return NetcoreConnection(credentials, configuration, options)


PROVIDER: Final[Provider] = Netcore()
