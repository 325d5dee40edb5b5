"""Telspiel: SMS for India over its push API, which others run under their own names.

See docs/providers/telspiel.md. Telspiel publishes no documentation: codes, ids and callbacks are configuration.
"""

from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.message_parts import is_gsm7
from heliograph.domain.vocabulary import Channel
from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.providers.protocol import (
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
from heliograph.providers.shared.configured_reply import ReplyFields
from heliograph.providers.shared.dlt import DltRegistration
from heliograph.providers.shared.gateway import Gateway, digits, encoded, form_post
from heliograph.providers.shared.guarded import GivenUrl, check_reach, open_transport, url_in_use
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.shared.senders import header_check

_KEY: Final = "telspiel"
_NAME: Final = "Telspiel"


class TelspielCredentials(BaseModel):
    """What Telspiel gives to an account."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    username: str = Field(min_length=1, max_length=128, description="User name of the API.")
    api_key: SecretStr = Field(min_length=1, max_length=256, description="API key.")


class TelspielConfiguration(CallbackConfiguration):
    """What else an account needs; how the reply is read has no default."""

    url: GivenUrl = Field(
        default="https://api.telsp.in/pushapi/sendmsg", description="The push API: Telspiel's, or a white label's."
    )
    method: Literal["GET", "POST"] = Field(default="GET", description="GET with a query, or POST with a form.")
    reply: ReplyFields = Field(description="How the reply to a request is read.")
    unicode_message_type: str | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        description="msgtype of texts beyond GSM-7. Without it they are refused unsent.",
    )
    dlt: DltRegistration = Field(default=DltRegistration(), description="The registration with India's operators.")


class TelspielConnection(Gateway):
    """One account, one pool, used by many tasks at once."""

    provider_name = _NAME

    def __init__(
        self, credentials: TelspielCredentials, configuration: TelspielConfiguration, options: ConnectionOptions
    ) -> None:
        super().__init__(open_transport(_NAME, options), configuration.dlt)
        self._url = url_in_use(configuration.url, _KEY, options)
        self._options = options
        self._configuration = configuration
        self._fixed = {
            "username": credentials.username,
            "apikey": credentials.api_key.get_secret_value(),
            "entityid": configuration.dlt.entity_id,
        }

    async def check_credentials(self) -> None:
        """`InvalidInput` for an address in a private place; the credentials cannot be asked about."""
        check_reach(self._configuration.url, self._options)

    def request(
        self, message: OutgoingMessage, sender: SenderAddress, template_id: str | None
    ) -> HttpRequest | Refused:
        """The parameters of `sendmsg`; our reference goes along as `custref`."""
        message_type = "PM" if is_gsm7(message.body) else self._configuration.unicode_message_type
        if message_type is None:
            text = "Texts beyond GSM-7 need configuration.unicode_message_type: ask Telspiel for the msgtype"
            return Refused(ProviderError(E.CONTENT, "no_unicode", text))
        fields = {
            **self._fixed,
            "dest": digits(message.to),
            "signature": sender.address,
            "msgtype": message_type,
            "msgtxt": message.body,
            "templateid": template_id,
            "custref": message.reference,
        }
        if self._configuration.method == "POST":
            return form_post(self._url, fields)
        return HttpRequest("GET", f"{self._url}?{encoded(fields)}")

    def outcome(self, answer: HttpAnswer) -> Outcome:
        """By configuration."""
        return self._configuration.reply.outcome(_NAME, answer)


class Telspiel(ConfiguredCallbacks):
    """The kind of connector. Stateless."""

    key: ClassVar[str] = _KEY
    name: ClassVar[str] = _NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=(SenderKind("header", "DLT header (signature)", header_check(longest=11)),),
        references=False,  # `custref` may come back, which is not known
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
    )
    credentials: ClassVar[type[BaseModel]] = TelspielCredentials
    configuration: ClassVar[type[BaseModel]] = TelspielConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> TelspielConnection:
        """A connection; its pool opens with the first request."""
        credentials, configuration = account.credentials, account.configuration
        if not (isinstance(credentials, TelspielCredentials) and isinstance(configuration, TelspielConfiguration)):
            raise TypeError("Telspiel takes TelspielCredentials and a TelspielConfiguration")
        return TelspielConnection(credentials, configuration, options)


PROVIDER: Final[Provider] = Telspiel()
