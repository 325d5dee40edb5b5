"""aiosmtpd as a relay that does as it is told at every step, and keeps what it took."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from heliograph.providers.protocol import ConnectionOptions
from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials
from heliograph.providers.smtp.connection import SmtpConnection

Reply = str | None  # None: the relay drops the connection


@dataclass
class Taken:
    """A mail that the relay took."""

    sender: str
    recipient: str
    content: bytes
    peer: Any
    utf8: bool


@dataclass
class Relay:
    """What it says to each step: replies, or functions of the argument."""

    port: int = 0
    mail: Callable[[str], Reply] = lambda _: "250 2.1.0 Ok"
    recipient: Callable[[str], Reply] = lambda _: "250 2.1.5 Ok"
    end: Callable[[int], Reply] = lambda number: f"250 2.0.0 Ok: queued as Q{number}"
    reset: str = "250 Ok"
    password: str | None = None
    taken: list[Taken] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    opened: int = 0
    steps: list[str] = field(default_factory=list)

    def connection(
        self,
        *,
        timeout: float = 5.0,
        credentials: SmtpCredentials | None = None,
        reachable: bool = True,
        **configuration: Any,
    ) -> SmtpConnection:
        """A connection to it, by its configuration alone."""
        chosen = {"host": "127.0.0.1", "port": self.port, "tls": "none", **configuration}
        hosts = (f"{chosen['host']}:{self.port}",) if reachable else ()
        options = ConnectionOptions(timeout=timeout, callback_url=None, reachable=hosts)
        return SmtpConnection(credentials or SmtpCredentials(), SmtpConfiguration(**chosen), options)

    # -- the server's hooks
    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.steps.append(f"EHLO {hostname}")
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.steps.append("MAIL")
        self.options.append(options)
        envelope.mail_from = address
        return await self._say(server, self.mail(address))

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.steps.append("RCPT")
        reply = await self._say(server, self.recipient(address))
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.steps.append("DATA")
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(
            Taken(str(envelope.mail_from), envelope.rcpt_tos[0], content, session.peer, bool(envelope.smtp_utf8))
        )
        return await self._say(server, self.end(len(self.taken)))

    async def handle_RSET(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self.steps.append("RSET")
        return self.reset

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self.steps.append("QUIT")
        return "221 Bye"

    async def _say(self, server: SMTP, reply: Reply) -> str:
        if reply is None:
            cast("asyncio.Transport", server.transport).abort()
            await asyncio.sleep(60)
        return str(reply)

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
        """Knows one password."""
        return AuthResult(success=data.password.decode() == self.password, handled=False)


@asynccontextmanager
async def open_relay(
    *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, utf8: bool = True
) -> AsyncIterator[Relay]:
    """Listens on a port of its own, until the end."""
    relay = Relay()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        relay.opened += 1
        return SMTP(
            relay,
            hostname="relay.example",
            enable_SMTPUTF8=utf8,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_require_tls=False,
            authenticator=relay.authenticate,
            loop=loop,
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await server.wait_closed()
