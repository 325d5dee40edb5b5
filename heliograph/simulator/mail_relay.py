"""A simulated mail relay: takes mail over SMTP, and lets the script decide what becomes of it.

Whoever signs on is an account of that name; whoever does not is the account `anonymous`. The script's answer is given
to the end of the text, where it matters most. A scripted error says its reply in `message` ("550 5.1.1 no such user"),
or in `code` alone ("5.1.1").
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr
from typing import Any, Final, cast
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from heliograph.simulator.bounces import ReturnPath, word_bounce
from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.http import Manner, Reply
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.script import SendAnswer

logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd warns of its own future at every login

ANONYMOUS: Final = "anonymous"

_SIZE_LIMIT: Final = 32 * 2**20
_FOR_EVER_SECONDS: Final = 86_400.0
_DSN: Final = re.compile(r"\s(RET|ENVID|NOTIFY|ORCPT)=(\S+)", re.IGNORECASE)
_REPLY: Final = re.compile(r"[2-5]\d\d[ -]")
_CODES: Final = {21211: "5.1.3", 21614: "5.1.1", 21610: "5.7.1", 21408: "5.7.1"}
"""Of the `realistic` preset, which speaks Twilio's numbers."""


class MailRelay:
    """What every connection shares; the hooks are called by the server for each of its steps."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._paths: dict[str, ReturnPath] = {}

    def protocol(self) -> SMTP:
        """A server for one connection."""
        return _Server(
            self,
            hostname="simulator.example",
            ident="simulated mail relay",
            data_size_limit=_SIZE_LIMIT,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )

    def reset(self) -> None:
        """Forgets what it kept of mails."""
        self._paths.clear()

    def _authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        name = data.login.decode(errors="replace")
        right = self._desk.account(name).takes(data.password.decode(errors="replace"))
        return AuthResult(success=right, handled=False, auth_data=name)

    # -- the server's hooks
    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Says what it can do."""
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Looks at the account."""
        account = self._desk.account(_account_of(session))
        if account.script.status != "active" or account.script.is_broke:
            return "550 5.7.13 The account is disabled"
        if not account.may_request():
            return "421 4.7.0 Too many messages, come back later"
        envelope.mail_from = address
        return "250 2.1.0 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes the mail to the desk, for each of its recipients; the last answer is given."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        header: Message[str, str] = message_from_bytes(content, policy=compat32)
        path = _return_path(envelope, header)
        account = self._desk.account(_account_of(session))
        reply = Reply(554, b"554 5.5.1 No recipients")
        for recipient in envelope.rcpt_tos:
            submission = Submission(
                provider_message_id=self._unused(path.message_id),
                to=recipient,
                sender=parseaddr(str(header.get("From", "")))[1],
                body=content.decode(errors="replace"),
                reference=path.message_id.partition("@")[0],
                segments=1,
            )
            self._paths[submission.provider_message_id] = path
            reply = self._desk.submit(account, self, [submission])
        return await _given(server, reply)

    def _unused(self, message_id: str) -> str:
        """The log names each mail once; a mail that is brought again gets a name of its own."""
        return message_id if self._desk.message(message_id) is None else f"{message_id} {uuid4().hex}"

    # -- the words of the desk
    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """As most servers put it."""
        return Reply(250, f"250 2.0.0 Ok: queued as {messages[-1].sid.partition('@')[0]}".encode())

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """The scripted reply; an answer that limits the rate closes the connection."""
        if answer.message is not None and _REPLY.match(answer.message):
            return Reply(answer.status, answer.message.encode())
        text = answer.message or f"<{submission.to}> refused"
        if answer.status == 429:
            return Reply(421, f"421 4.7.0 {text}".encode())
        if answer.status >= 500 and answer.code is None:
            return Reply(451, f"451 4.3.0 {text}".encode())
        code = answer.code if isinstance(answer.code, str) else _CODES.get(answer.code or 0, "5.0.0")
        return Reply(550, f"{'451' if code.startswith('4') else '550'} {code} {text}".encode())

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """What comes back by mail."""
        path = self._paths.get(message.sid)
        return () if path is None else word_bounce(message, status, url, path)


class _Server(SMTP):
    """aiosmtpd knows no DSN (RFC 3461): its parameters are taken out before it sees them."""

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """RET and ENVID."""
        await super().smtp_MAIL(self._without_dsn(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """NOTIFY and ORCPT."""
        await super().smtp_RCPT(self._without_dsn(arg))

    def _without_dsn(self, arg: str | None) -> str | None:
        if arg is None or self.envelope is None:
            return arg
        for name, value in _DSN.findall(arg):
            setattr(self.envelope, name.lower(), value)
        return _DSN.sub("", arg)


def _account_of(session: Session) -> str:
    return str(session.auth_data) if session.authenticated else ANONYMOUS


def _return_path(envelope: Envelope, header: "Message[str, str]") -> ReturnPath:
    named = str(header.get("Message-ID", "")).strip("<> ") or f"{uuid4().hex}@simulator.example"
    notify = frozenset(filter(None, getattr(envelope, "notify", "").upper().split(",")))
    return ReturnPath(envelope.mail_from or "", named, getattr(envelope, "envid", ""), notify)


async def _given(server: SMTP, reply: Reply) -> str:
    """The reply's line, when it is time; a dropped or silent connection ends this with it."""
    await asyncio.sleep(reply.delay)
    if reply.manner is Manner.DROP:
        cast("asyncio.Transport", server.transport).abort()
    if reply.manner is not Manner.ANSWER:
        await asyncio.sleep(_FOR_EVER_SECONDS)
    return reply.body.decode()
