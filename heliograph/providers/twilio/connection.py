"""An open Twilio account: sends messages and answers questions about them, with Twilio's own client."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal

from aiohttp import ClientError
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, FieldError, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import (
    Accepted,
    Balance,
    ConnectionOptions,
    LoggedMessage,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.twilio.callbacks import REFERENCE_PARAMETER, STATES, UNSUCCESSFUL
from heliograph.providers.twilio.codes import delivery_error
from heliograph.providers.twilio.log import read_log
from heliograph.providers.twilio.outcomes import ANSWERED_ERRORS, outcome_of_answer, outcome_of_failure, unreadable
from heliograph.providers.twilio.questions import INVALID_CREDENTIALS, INVALID_DETAILS, UNREADABLE, ask
from heliograph.providers.twilio.senders import ALPHANUMERIC, LONG_CODE, MESSAGING_SERVICE, SHORT_CODE
from heliograph.providers.twilio.transport import CURRENT_EXCHANGE, Exchange, Transport

_LOOK_UP_LIMIT = 1000  # one page: what one sender wrote to one number lately is far less
_OWN_ENVIRONMENT = {"TWILIO_EDGE": ""}  # not empty, so that Twilio's client reads no TWILIO_* of the process


class TwilioCredentials(BaseModel):
    """What a user copies from Twilio's console."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", description="Account SID: AC and 32 hexadecimal digits.")
    auth_token: SecretStr = Field(min_length=1, max_length=128, description="Auth token of the account.")


class TwilioConnection:
    """One account, one pool, used by many tasks at once."""

    def __init__(self, credentials: TwilioCredentials, options: ConnectionOptions) -> None:
        token = credentials.auth_token.get_secret_value()
        self._transport = Transport(
            username=credentials.account_sid,
            password=token,
            api_url=options.simulator_url,
            timeout=options.timeout,
            pool_size=options.max_connections,
        )
        self._client = Client(
            credentials.account_sid, token, http_client=self._transport, environment=dict(_OWN_ENVIRONMENT)
        )
        self._account = self._client.api.v2010.accounts(credentials.account_sid)
        self._messages = self._account.messages
        self._callback_prefix = _callback_prefix(options.callback_url)

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one request. See docs/providers/twilio.md for what each answer becomes."""
        exchange = Exchange(message.valid_until)
        token = CURRENT_EXCHANGE.set(exchange)
        arguments = {"to": message.to, "body": message.body, _sender_argument(sender): sender.address}
        if self._callback_prefix is not None:
            arguments["status_callback"] = self._callback_prefix + message.reference
        try:
            created = await self._messages.create_async(**arguments)
        except ANSWERED_ERRORS as error:
            return outcome_of_answer(error, exchange)
        except (ClientError, OSError) as error:
            return outcome_of_failure(error, exchange)
        except UNREADABLE as error:
            if isinstance(error, UnicodeEncodeError):
                return Refused(ProviderError(ErrorClass.CONTENT, "not_unicode", "The text has a lone surrogate"))
            if exchange.status is None:
                raise
            return unreadable(exchange)
        finally:
            exchange.abandon()
            CURRENT_EXCHANGE.reset(token)
        if not (isinstance(created.sid, str) and created.sid):
            return unreadable(exchange)
        return Accepted(created.sid, str(created.status), _parts(created.num_segments))

    async def check_credentials(self) -> None:
        """Fetches the account. `Unauthenticated`, `UpstreamFailed`, or `BadRequest` when it is not active."""
        try:
            account = await ask(self._account.fetch_async())
        except NotFound as error:
            raise Unauthenticated(INVALID_CREDENTIALS) from error
        if account.status != "active":
            raise BadRequest(f"The Twilio account is {account.status}", code="account_inactive")

    async def check_sender(self, sender: SenderAddress) -> None:
        """Whether the account has the sender; `BadRequest` if not. Alphanumeric senders are not listed at Twilio."""
        if not await self._has_sender(sender):
            rule = f"Twilio does not know this {sender.kind.replace('_', ' ')} on the account"
            raise BadRequest(
                INVALID_DETAILS, code="unknown_sender", errors=[FieldError("address", rule, "unknown_sender")]
            )

    async def _has_sender(self, sender: SenderAddress) -> bool:
        address = sender.address
        if sender.kind == MESSAGING_SERVICE:
            try:
                await ask(self._client.messaging.v1.services(address).fetch_async())
            except NotFound:
                return False
            return True
        if sender.kind == LONG_CODE:
            numbers = await ask(self._account.incoming_phone_numbers.list_async(phone_number=address, limit=20))
            return any(number.phone_number == address for number in numbers)
        if sender.kind == SHORT_CODE:
            codes = await ask(self._account.short_codes.list_async(short_code=address, limit=20))
            return any(code.short_code == address for code in codes)
        return sender.kind == ALPHANUMERIC

    async def balance(self) -> Balance:
        """The money left on the account."""
        balance = await ask(self._account.balance.fetch_async())
        try:
            return Balance(Decimal(str(balance.balance)), str(balance.currency))
        except ArithmeticError as error:
            raise UpstreamFailed("Twilio's answer does not name the balance") from error

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message; `NotFound` or `Transient`."""
        return _report(await ask(self._messages(provider_message_id).fetch_async()))

    async def look_up(
        self, *, to: str, body: str | None, sender: SenderAddress, since: datetime
    ) -> Sequence[StatusReport]:
        """What Twilio has from `sender` to `to` since then, oldest first; `body` None means any.

        The instant is compared here, with the creation: Twilio's own filter knows days, and only the sending.
        """
        if sender.kind == MESSAGING_SERVICE:  # the service chooses the number
            found = await ask(self._messages.list_async(to=to, limit=_LOOK_UP_LIMIT))
            found = [each for each in found if each.messaging_service_sid == sender.address]
        else:
            found = await ask(self._messages.list_async(to=to, from_=sender.address, limit=_LOOK_UP_LIMIT))
        start = since.replace(microsecond=0)  # Twilio's instants are whole seconds
        matching = [
            each
            for each in reversed(found)  # Twilio lists the newest first, and many may be of one second
            if each.date_created is not None and each.date_created >= start and body in {None, each.body}
        ]
        matching.sort(key=lambda each: each.date_created)
        return [_report(each) for each in matching]

    def log(self, sender: SenderAddress, since: datetime, until: datetime) -> AsyncIterator[LoggedMessage]:
        """What Twilio has from `sender` that was created in this time, a thousand a request."""
        return read_log(self._messages, sender, since, until)

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.close()


def _callback_prefix(callback_url: str | None) -> str | None:
    """The address of callbacks up to our reference."""
    if callback_url is None:
        return None
    return f"{callback_url}{'&' if '?' in callback_url else '?'}{REFERENCE_PARAMETER}="


def _sender_argument(sender: SenderAddress) -> str:
    return "messaging_service_sid" if sender.kind == MESSAGING_SERVICE else "from_"


def _parts(number_of_segments: object) -> int | None:
    """Twilio says "0" while it does not know yet."""
    text = str(number_of_segments)
    return int(text) or None if text.isascii() and text.isdigit() else None


def _report(message: MessageInstance) -> StatusReport:
    status = str(message.status)
    state = STATES.get(status)
    if state is None or not message.sid:
        raise UpstreamFailed(f"Twilio's status {status[:40]!r} is not that of an outbound message")
    code = None if message.error_code is None else str(message.error_code)
    return StatusReport(
        provider_message_id=message.sid,
        provider_status=status,
        state=state,
        error=delivery_error(code, status) if state in UNSUCCESSFUL else None,
        occurred_at=message.date_updated,
    )
