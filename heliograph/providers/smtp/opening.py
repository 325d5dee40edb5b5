"""Opens connections to a relay: reach it, begin TLS, say who we are, sign on."""

import asyncio
import socket
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, Self

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPResponseException,
)

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, UpstreamFailed
from heliograph.outbound.origin import Origin
from heliograph.outbound.reach import Reach
from heliograph.providers.protocol import NotProcessed, Outcome, ProviderError
from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials, tls_context
from heliograph.providers.smtp.replies import Reply, Step, not_processed, outcome_of_reply
from heliograph.providers.smtp.session import Session

_SCHEME: Final = "smtp"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the relay is, and how it is spoken to."""

    host: str
    port: int
    tls: Literal["none", "starttls", "implicit"]
    reach: Reach | None  # None: the simulator, which the operator named

    @classmethod
    def of(
        cls, configuration: SmtpConfiguration, reachable: Collection[str], simulator: tuple[str, int] | None
    ) -> Self:
        """The configured relay; the simulator stands in for it in the clear, where there is one."""
        if simulator is not None:
            return cls(*simulator, "none", None)
        return cls(configuration.host.strip("[]").lower(), configuration.port, configuration.tls, Reach(reachable))

    async def connect(self) -> socket.socket:
        """A connected socket; `InvalidInput` where it may not be reached, `UpstreamFailed`, `OSError`."""
        addresses = [self.host]
        if self.reach is not None:
            addresses = list(await self.reach.addresses(Origin(_SCHEME, self.host, self.port), field="host"))
        failure = OSError("no address")
        for address in addresses:
            try:
                return await _connect(address, self.port)
            except OSError as error:
                failure = error
        raise failure


async def _connect(address: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    ((family, kind, protocol, _, place), *_) = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    connecting = socket.socket(family, kind, protocol)
    connecting.setblocking(False)
    try:
        await loop.sock_connect(connecting, place)
    except BaseException:
        connecting.close()
        raise
    return connecting


class CannotOpen(Exception):
    """There is no session; `outcome` is what that means for a message."""

    def __init__(self, outcome: NotProcessed) -> None:
        super().__init__(outcome.error.message)
        self.outcome = outcome


class Opener:
    """Opens sessions with one account at one relay."""

    def __init__(
        self, relay: Relay, credentials: SmtpCredentials, configuration: SmtpConfiguration, *, timeout: float
    ) -> None:
        self._relay = relay
        self._credentials = credentials
        self._configuration = configuration
        self._timeout = timeout

    async def open(self) -> Session:
        """A session, signed on; `CannotOpen` saying why not."""
        try:
            async with asyncio.timeout(self._timeout):
                smtp = await self._sign_on(await self._relay.connect())
        except (InvalidInput, UpstreamFailed, SMTPException, OSError) as error:
            raise CannotOpen(_outcome(error)) from error
        return Session(smtp, timeout=self._timeout, retry_seconds=self._configuration.retry_seconds)

    async def _sign_on(self, connected: socket.socket) -> aiosmtplib.SMTP:
        name = self._configuration.ehlo_name or _literal(connected)
        smtp = aiosmtplib.SMTP(
            hostname=self._relay.host,
            sock=connected,
            use_tls=self._relay.tls == "implicit",
            start_tls=False,
            tls_context=None if self._relay.tls == "none" else tls_context(self._configuration.ca_certificate),
            timeout=self._timeout,
            local_hostname=name,
        )
        try:
            await smtp.connect()
            await smtp.ehlo()
            if self._relay.tls == "starttls":
                await self._begin_tls(smtp)
            await self._authenticate(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _begin_tls(self, smtp: aiosmtplib.SMTP) -> None:
        if not smtp.supports_extension("starttls"):
            raise CannotOpen(_refused("no_starttls", "The relay offers no STARTTLS, and the connector asks for it"))
        await smtp.starttls()
        await smtp.ehlo()

    async def _authenticate(self, smtp: aiosmtplib.SMTP) -> None:
        username, password = self._credentials.username, self._credentials.password
        if username is None or password is None:
            return
        if not smtp.supported_auth_methods:
            raise CannotOpen(_refused("no_auth", "The relay offers no way to sign on with a password"))
        await smtp.login(username, password.get_secret_value())


def _literal(connected: socket.socket) -> str:
    """Who has no name says its address (RFC 5321, 4.1.4)."""
    address = connected.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _outcome(error: Exception) -> NotProcessed:
    """What a failure on the way to a session means: the message was not begun, whatever happened."""
    if isinstance(error, InvalidInput):
        return _refused(error.errors[0].code, f"The relay may not be reached: {error.detail}")
    if isinstance(error, UpstreamFailed):
        return not_processed("dns", "The name of the relay could not be resolved")
    if isinstance(error, TimeoutError):
        return not_processed("connect_timeout", "The relay could not be reached in time")
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return not_processed("tls", "The secure connection to the relay failed: its certificate, or its name")
    if isinstance(error, SMTPResponseException):
        return _as_not_processed(outcome_of_reply(Reply(_step(error), error.code, error.message), retry_seconds=0))
    return not_processed("connect", "The relay could not be connected to")


def _step(error: SMTPResponseException) -> Step:
    if isinstance(error, SMTPConnectResponseError):
        return Step.GREETING
    return Step.AUTH if isinstance(error, SMTPAuthenticationError) else Step.HELLO


def _as_not_processed(outcome: Outcome) -> NotProcessed:
    return outcome if isinstance(outcome, NotProcessed) else _refused("refused", "The relay refuses us")


def _refused(code: str, text: str) -> NotProcessed:
    return NotProcessed(ProviderError(ErrorClass.ACCOUNT, code, text))
