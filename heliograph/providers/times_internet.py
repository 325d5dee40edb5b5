"""Times Internet (Times Mobile, "TimesSMS"): one JSON request a message. See docs/providers/times_internet.md.

The request is documented, by CleverTap together with the provider; the reply and the reports are not, and so they are
configuration.
"""

from base64 import b64encode
from typing import ClassVar, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from heliograph.domain.message_parts import is_gsm7
from heliograph.domain.vocabulary import Channel
from heliograph.providers.protocol import (
    Account,
    Capabilities,
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    Provider,
    SenderAddress,
    SenderKind,
)
from heliograph.providers.shared.configured_callbacks import CallbackConfiguration, ConfiguredCallbacks
from heliograph.providers.shared.configured_reply import ReplyFields
from heliograph.providers.shared.dlt import DltRegistration
from heliograph.providers.shared.gateway import Gateway, digits
from heliograph.providers.shared.guarded import GivenUrl, check_reach, open_transport, url_in_use
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.shared.senders import header_check

_KEY: Final = "times_internet"
_NAME: Final = "Times Internet"


class TimesCredentials(BaseModel):
    """The API user of the account."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    username: str = Field(min_length=1, max_length=128, pattern=r"^[^:]+$", description="API user.")
    password: SecretStr = Field(min_length=1, max_length=128, description="Password of the API user.")


class TimesConfiguration(CallbackConfiguration):
    """What else an account needs; how the reply is read has no default."""

    url: GivenUrl = Field(
        default="https://bsms.timesapi.in/ct/api/v1/message", description="The address that takes messages by JSON."
    )
    reply: ReplyFields = Field(description="How the reply to a request is read.")
    dlt: DltRegistration = Field(default=DltRegistration(), description="The registration with India's operators.")


class TimesConnection(Gateway):
    """One account, one pool, used by many tasks at once."""

    provider_name = _NAME

    def __init__(
        self, credentials: TimesCredentials, configuration: TimesConfiguration, options: ConnectionOptions
    ) -> None:
        super().__init__(open_transport(_NAME, options), configuration.dlt)
        self._url = url_in_use(configuration.url, _KEY, options)
        self._options = options
        self._configuration = configuration
        password = credentials.password.get_secret_value()
        self._fixed = {"username": credentials.username, "password": password}
        authorization = b64encode(f"{credentials.username}:{password}".encode()).decode("ascii")
        self._headers = {
            "Authorization": f"Basic {authorization}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    async def check_credentials(self) -> None:
        """`InvalidInput` for an address in a private place; the credentials cannot be asked about."""
        check_reach(self._configuration.url, self._options)

    def request(self, message: OutgoingMessage, sender: SenderAddress, template_id: str | None) -> HttpRequest:
        """The JSON of a message; `corelationid` (the provider's spelling) is our reference."""
        fields = {
            **self._fixed,
            "unicode": "false" if is_gsm7(message.body) else "true",
            "from": sender.address,
            "to": digits(message.to),
            "text": message.body,
            "corelationid": message.reference,
        }
        if template_id is not None:
            fields["dltContentId"] = template_id
        return HttpRequest("POST", self._url, self._headers, orjson.dumps(fields))

    def outcome(self, answer: HttpAnswer) -> Outcome:
        """By configuration."""
        return self._configuration.reply.outcome(_NAME, answer)


class TimesInternet(ConfiguredCallbacks):
    """The kind of connector. Stateless."""

    key: ClassVar[str] = _KEY
    name: ClassVar[str] = _NAME
    capabilities: ClassVar[Capabilities] = Capabilities(
        channels=frozenset({Channel.SMS}),
        sender_kinds=(SenderKind("header", "DLT header", header_check(shortest=6, longest=6)),),
        references=False,  # `corelationid` should come back, which is not written anywhere
        signed=False,
        polling=False,
        look_up=False,
        log=False,
        balance=False,
    )
    credentials: ClassVar[type[BaseModel]] = TimesCredentials
    configuration: ClassVar[type[BaseModel]] = TimesConfiguration

    def open(self, account: Account, options: ConnectionOptions) -> TimesConnection:
        """A connection; its pool opens with the first request."""
        credentials, configuration = account.credentials, account.configuration
        if not (isinstance(credentials, TimesCredentials) and isinstance(configuration, TimesConfiguration)):
            raise TypeError("Times Internet takes TimesCredentials and a TimesConfiguration")
        return TimesConnection(credentials, configuration, options)


PROVIDER: Final[Provider] = TimesInternet()
