"""Netcore e-mail, once Pepipost: one HTTP request a mail, events by webhook. See docs/providers/netcore_email.md."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.vocabulary import Channel, ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import (
    Accepted,
    Account,
    Capabilities,
    ConnectionOptions,
    EmailContent,
    InboundMessage,
    Outcome,
    OutgoingMessage,
    Provider,
    ProviderError,
    ProviderRequest,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.shared.email_headers import refuse_unmailable
from heliograph.providers.shared.email_senders import EMAIL_SENDER_KINDS, EmailSender
from heliograph.providers.shared.email_text import as_html
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.providers.shared.netcore_events import REFERENCE_FIELD, EventConfiguration, read_events
from heliograph.providers.shared.outcomes import of_status, unreadable
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.shared.scrubbing import scrub

_KEY: Final = "netcore_email"
_NAME: Final = "Netcore e-mail"
_PATH: Final = "/v5.1/mail/send"


class NetcoreEmailCredentials(BaseModel):
    """What Netcore gives to an account."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    api_key: SecretStr = Field(min_length=1, max_length=256, description="API key (Settings, Integrations).")


class NetcoreEmailConfiguration(EventConfiguration):
    """What else an account needs."""

    host: Literal["https://emailapi.netcorecloud.net", "https://api.pepipost.com"] = Field(
        default="https://emailapi.netcorecloud.net", description="The present host, or that of accounts from Pepipost."
    )
    open_track: bool | None = Field(default=None, description="Track openings; by default as the account is set.")
    click_track: bool | None = Field(default=None, description="Track clicks; by default as the account is set.")
    unsubscribe_track: bool | None = Field(
        default=None, description="Let the platform handle unsubscribing; by default as the account is set."
    )
    errors: dict[str, ErrorClass] = Field(
        default_factory=dict,
        max_length=100,
        description="What kind of refusal an error is, by words in its message. Netcore publishes no list.",
    )


class NetcoreEmailConnection(FewAnswers):
    """One account, one pool, used by many tasks at once."""

    provider_name: ClassVar[str] = _NAME

    def __init__(
        self, credentials: NetcoreEmailCredentials, configuration: NetcoreEmailConfiguration, options: ConnectionOptions
    ) -> None:
        self._transport = HttpTransport(_NAME, options)
        self._configuration = configuration
        self._url = base_url(options, _KEY, configuration.host) + _PATH
        self._headers = {"api_key": credentials.api_key.get_secret_value(), "Content-Type": "application/json"}
        tracking = configuration.model_dump(include={"open_track", "click_track", "unsubscribe_track"})
        self._settings = {name: chosen for name, chosen in tracking.items() if chosen is not None}

    async def check_credentials(self) -> None:
        """Nothing is asked: no question that does no harm is known. A test message tells."""

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One mail, one request."""
        email = message.email or EmailContent(subject="")
        refused = refuse_unmailable(message.body, email)
        if refused is not None:
            return refused
        body = orjson.dumps(self._content(message, email, EmailSender.parse(sender.address)))
        request = HttpRequest("POST", self._url, self._headers, body)
        answer = await self._transport.send(request, message.valid_until)
        return self._outcome(answer) if isinstance(answer, HttpAnswer) else answer

    def _content(self, message: OutgoingMessage, email: EmailContent, sender: EmailSender) -> dict[str, Any]:
        personalization: dict[str, Any] = {
            "to": [{"email": message.to}],
            "token_to": orjson.dumps({REFERENCE_FIELD: message.reference}).decode(),
        }
        if email.headers:
            personalization["headers"] = dict(email.headers)
        content: dict[str, Any] = {
            "from": {"email": sender.address, "name": sender.name or sender.address},
            "subject": email.subject,
            "content": [{"type": "html", "value": email.html or as_html(message.body)}],
            "personalizations": [personalization],
        }
        return {**content, "settings": self._settings} if self._settings else content

    def _outcome(self, answer: HttpAnswer) -> Outcome:
        content = answer.json_object()
        if not answer.is_success:
            return of_status(_NAME, answer, self._refusal(answer.status, content))
        data = content.get("data") if content else None
        named = data.get("message_id") if isinstance(data, dict) else None
        if content is None or content.get("status") != "success" or not isinstance(named, str | int) or not named:
            return unreadable(_NAME, answer)
        return Accepted(str(named), "success")

    def _refusal(self, status: int, content: dict[str, Any] | None) -> ProviderError | None:
        """The error of an answer in the provider's form."""
        words = _words(content)
        if words is None:
            return None
        known = [kind for text, kind in self._configuration.errors.items() if text.casefold() in words.casefold()]
        return ProviderError(known[0] if known else ErrorClass.OTHER, f"http_{status}", scrub(words))

    async def aclose(self) -> None:
        """Closes the pool."""
        await self._transport.aclose()


def _words(content: dict[str, Any] | None) -> str | None:
    """What an error says: `error` is a list of objects with a `message`, or there is a `message` alone."""
    if content is None:
        return None
    errors = content.get("error")
    found = [each.get("message") for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    texts = [text for text in [*found, content.get("message")] if isinstance(text, str) and text.strip()]
    return texts[0] if texts else None


class NetcoreEmail:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = _KEY
    name: ClassVar[str] = "Netcore e-mail (Pepipost)"
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.EMAIL}),
        sender_kinds=EMAIL_SENDER_KINDS,
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
        inbound=False,
        counts_parts=False,
    )
    credentials: ClassVar[type[BaseModel]] = NetcoreEmailCredentials
    configuration: ClassVar[type[BaseModel]] = NetcoreEmailConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> NetcoreEmailConnection:
        """A connection; its pool opens with the first request."""
        credentials, configuration = account.credentials, account.configuration
        if not isinstance(credentials, NetcoreEmailCredentials):
            raise TypeError("Netcore e-mail takes NetcoreEmailCredentials")
        if not isinstance(configuration, NetcoreEmailConfiguration):
            raise TypeError("Netcore e-mail takes a NetcoreEmailConfiguration")
        return NetcoreEmailConnection(credentials, configuration, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Nothing is signed: the secret address is the proof."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The events in a callback."""
        if not isinstance(account.configuration, NetcoreEmailConfiguration):
            raise TypeError("Netcore e-mail takes a NetcoreEmailConfiguration")
        return read_events(request, account.configuration)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """Not supported: answers from people are for their own mailboxes."""
        raise InvalidInput.of("connector", "takes no messages from people")


PROVIDER: Final[Provider] = NetcoreEmail()
