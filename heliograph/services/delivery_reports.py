"""Delivery reports on a queue of ActiveMQ, over STOMP 1.2 (requirement E4): told at least once, none ever lost.

The row of a report is deleted only when the broker has confirmed that it has it. A broker that is away holds nothing
up: the reports wait in PostgreSQL.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Self
from urllib.parse import quote, unquote, urlsplit

import orjson
import stompman

from heliograph.db import delivery_reports
from heliograph.db.delivery_reports import EndedMessage
from heliograph.db.engine import Database
from heliograph.domain.ledger import MessageState
from heliograph.errors import InvalidInput, Unavailable

_log = logging.getLogger(__name__)

SETTING: Final = "HELIOGRAPH_DELIVERY_REPORT_BROKER"
_STOMP_PORT: Final = 61613
_TLS: Final = {"stomp": None, "stomp+ssl": True}
_AT_A_TIME: Final = 100
_RECEIPT_SECONDS: Final = 10.0
_HOLD: Final = timedelta(seconds=60)
"""How long reports are ours while they are being told: longer than a receipt is awaited."""
_UNTOLD_WAIT: Final = timedelta(seconds=5)
_HEARTBEAT_MILLISECONDS: Final = 10_000
_ENDED_WITHOUT_A_WORD: Final = frozenset({MessageState.UNKNOWN.value, MessageState.UNCONFIRMED.value})


@dataclass(frozen=True, slots=True)
class Broker:
    """Where reports go."""

    servers: Sequence[stompman.ConnectionParameters]  # the first that answers is taken
    tls: Literal[True] | None
    destination: str

    @classmethod
    def read(cls, addresses: str, queue: str) -> Self:
        """From the settings: `stomp://user:password@host:port`, comma-separated; `InvalidInput` quoting nothing."""
        servers, schemes = [], set()
        for place, address in enumerate(addresses.split(","), start=1):
            try:
                parts = urlsplit(address.strip())
                host, port = parts.hostname, parts.port or _STOMP_PORT
            except ValueError:
                raise _unreadable(place) from None
            if parts.scheme not in _TLS or host is None or parts.path.strip("/") or parts.query:
                raise _unreadable(place)
            login, passcode = unquote(parts.username or ""), unquote(parts.password or "")
            # the library takes the one plain and the other quoted
            servers.append(stompman.ConnectionParameters(host, port, login, quote(passcode, safe="")))
            schemes.add(parts.scheme)
        if len(schemes) != 1:
            raise InvalidInput.of(SETTING, "has addresses that all use TLS, or none of them")
        return cls(servers, _TLS[schemes.pop()], f"/queue/{queue}")


def _unreadable(place: int) -> InvalidInput:
    return InvalidInput.of(SETTING, f"its address {place} is stomp://user:password@host:port, or stomp+ssl://…")


def report_of(message: EndedMessage) -> bytes:
    """The body of a report: E4's three fields."""
    delivered = message.state == MessageState.DELIVERED.value
    if delivered:
        code = message.provider_status
    elif message.state in _ENDED_WITHOUT_A_WORD:
        code = message.state
    else:
        code = message.error_code or message.reason or message.provider_status
    return orjson.dumps(
        {
            "MessageSID": str(message.message_id),
            "DeliveryStatus": "DELIVERED" if delivered else "FAILED",
            "ProviderStatusCode": code or message.state,
        }
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What came of some reports."""

    count: int  # confirmed by the broker
    trouble: str | None = None  # why others were not


class Reporter:
    """Tells one broker, over one open connection."""

    def __init__(self, database: Database, broker: Broker, client: stompman.Client) -> None:
        self._database = database
        self._broker = broker
        self._client = client

    @classmethod
    @asynccontextmanager
    async def connected(cls, database: Database, broker: Broker) -> AsyncIterator[Self]:
        """A reporter while inside; `Unavailable` when no server of the broker lets us in."""
        client = stompman.Client(
            list(broker.servers),
            ssl=broker.tls,
            heartbeat=stompman.Heartbeat(_HEARTBEAT_MILLISECONDS, _HEARTBEAT_MILLISECONDS),
            on_error_frame=None,  # it is told where the receipt is missing
            connect_retry_attempts=1,
            write_retry_attempts=1,
            no_message_restart_interval=None,  # nobody ever sends us any
            keep_alive_on_connection_failure=True,  # told where the receipt is missing, not by cancelling us
        )
        try:
            await client.__aenter__()
        except stompman.Error as error:
            raise Unavailable(f"the broker cannot be reached: {_reason(error)}", code="broker") from error
        try:
            yield cls(database, broker, client)
        finally:
            await client.__aexit__(None, None, None)

    async def tell_some(self) -> Told:
        """Tells what has ended of what is due now. What the broker did not confirm is told again, a little later."""
        ended = await delivery_reports.take_ended(self._database.pool, _AT_A_TIME, _HOLD)
        if not ended:
            return Told(0)
        errors = await asyncio.gather(*(self._tell(message) for message in ended))
        told = [message for message, error in zip(ended, errors, strict=True) if error is None]
        untold = [message for message, error in zip(ended, errors, strict=True) if error is not None]
        if told:
            await delivery_reports.forget(self._database.pool, told)
        if untold:
            await delivery_reports.postpone(self._database.pool, untold, _UNTOLD_WAIT)
        return Told(len(told), next((error for error in errors if error is not None), None))

    async def _tell(self, message: EndedMessage) -> str | None:
        """Why the broker has not confirmed it; None when it has."""
        try:
            await self._client.send(
                report_of(message),
                self._broker.destination,
                content_type="application/json",
                headers={
                    "persistent": "true",
                    "type": message.channel_type,
                    "amq-msg-type": "text",  # with a content-length, ActiveMQ would make it a BytesMessage
                    "correlation-id": str(message.message_id),
                },
                receipt_timeout=_RECEIPT_SECONDS,
            )
        except stompman.Error as error:
            return _reason(error)
        return None


def _reason(error: stompman.Error) -> str:
    """What happened, without addresses and credentials, which the library's own text quotes."""
    if isinstance(error, stompman.SendReceiptError):
        return error.reason if error.frame is None else f"{error.reason}: {error.frame.headers.get('message', '')}"
    return type(error).__name__
