"""Falconide, Netcore's older e-mail platform: a form for each mail, events by webhook. See docs/providers/falconide.md.

Falconide's replies and error codes are not published where they can be read: how a reply is read is configuration.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    EmailContent,
    InboundMessage,
    Outcome,
    OutgoingMessage,
    Provider,
    ProviderRequest,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.shared.configured_reply import ReplyFields
from heliograph.providers.shared.email_headers import refuse_unmailable
from heliograph.providers.shared.email_senders import EMAIL_SENDER_KINDS, EmailSender
from heliograph.providers.shared.email_text import as_html
from heliograph.providers.shared.gateway import form_post
from heliograph.providers.shared.http import HttpAnswer, HttpTransport, base_url
from heliograph.providers.shared.netcore_events import EventConfiguration, read_events
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.shared.unpublished import Unpublished

_KEY: Final = "falconide"
_NAME: Final = "Falconide"
_HOST: Final = "https://api.falconide.com"
_PATH: Final = "/falconapi/web.send.rest"


class FalconideCredentials(BaseModel):
    """What Falconide gives to an account."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    api_key: SecretStr = Field(min_length=1, max_length=256, description="API key.")


class FalconideConfiguration(EventConfiguration, Unpublished):
    """What else an account needs; how the reply is read has no default."""

    reply: ReplyFields = Field(description="How the reply to a request is read.")
    open_track: bool | None = Field(default=None, description="Track openings; by default as the account is set.")
    click_track: bool | None = Field(default=None, description="Track clicks; by default as the account is set.")


class FalconideConnection(FewAnswers):
    """One account, one pool, used by many tasks at once."""

    provider_name: ClassVar[str] = _NAME

    def __init__(
        self, credentials: FalconideCredentials, configuration: FalconideConfiguration, options: ConnectionOptions
    ) -> None:
        self._transport = HttpTransport(_NAME, options)
        self._configuration = configuration
        self._url = base_url(options, _KEY, _HOST) + _PATH
        self._fixed = {
            "api_key": credentials.api_key.get_secret_value(),
            "opentrack": _switch(configuration.open_track),
            "clicktrack": _switch(configuration.click_track),
        }

    async def check_credentials(self) -> None:
        """Nothing is asked: no question that does no harm is known. A test message tells."""

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One mail, one request. Falconide has no field for further headers: they stay behind."""
        email = message.email or EmailContent(subject="")
        refused = refuse_unmailable(message.body, email)
        if refused is not None:
            return refused
        from_ = EmailSender.parse(sender.address)
        fields = {
            **self._fixed,
            "subject": email.subject,
            "fromname": from_.name or from_.address,
            "from": from_.address,
            "content": email.html or as_html(message.body),
            "recipients": message.to,
            "X-APIHEADER": message.reference,
        }
        answer = await self._transport.send(form_post(self._url, fields), message.valid_until)
        return self._configuration.reply.outcome(_NAME, answer) if isinstance(answer, HttpAnswer) else answer

    async def aclose(self) -> None:
        """Closes the pool."""
        await self._transport.aclose()


def _switch(chosen: bool | None) -> str | None:
    return None if chosen is None else str(int(chosen))


class Falconide:
    """The kind of connector. Stateless."""

    key: ClassVar[str] = _KEY
    name: ClassVar[str] = _NAME
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
    credentials: ClassVar[type[BaseModel]] = FalconideCredentials
    configuration: ClassVar[type[BaseModel]] = FalconideConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> FalconideConnection:
        """A connection; its pool opens with the first request."""
        credentials, configuration = account.credentials, account.configuration
        if not isinstance(credentials, FalconideCredentials) or not isinstance(configuration, FalconideConfiguration):
            raise TypeError("Falconide takes FalconideCredentials and a FalconideConfiguration")
        return FalconideConnection(credentials, configuration, options)

    def verify(self, request: ProviderRequest, account: Account) -> bool:  # noqa: ARG002
        """Nothing is signed: the secret address is the proof."""
        return True

    def parse_status(self, request: ProviderRequest, account: Account) -> Sequence[StatusReport]:
        """The events in a callback."""
        if not isinstance(account.configuration, FalconideConfiguration):
            raise TypeError("Falconide takes a FalconideConfiguration")
        return read_events(request, account.configuration)

    def parse_inbound(self, request: ProviderRequest, account: Account) -> Sequence[InboundMessage]:  # noqa: ARG002
        """Not supported: answers from people are for their own mailboxes."""
        raise InvalidInput.of("connector", "takes no messages from people")


PROVIDER: Final[Provider] = Falconide()
