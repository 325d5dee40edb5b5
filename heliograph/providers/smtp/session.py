"""One signed-on connection to a relay, and one message after another over it."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final, cast

import aiosmtplib
from aiosmtplib import SMTPResponseException
from aiosmtplib.protocol import SMTPProtocol

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import Accepted, NotProcessed, Outcome, ProviderError, Refused
from heliograph.providers.smtp.mail import Mail
from heliograph.providers.smtp.replies import Reply, Step, not_processed, outcome_of_reply, unknown_outcome, words

_END_OF_TEXT: Final = b".\r\n"
_CLOSING: Final = 421
_SUCCESS: Final = {
    Step.RESET: frozenset({250}),
    Step.MAIL: frozenset({250}),
    Step.RECIPIENT: frozenset({250, 251}),
    Step.DATA: frozenset({354}),
    Step.END: frozenset({250}),
}
_NOT_INTERNATIONAL: Final = Refused(
    ProviderError(ErrorClass.OTHER, "no_smtputf8", "The relay does not take addresses that are not ASCII (SMTPUTF8)")
)


class Worn(Exception):
    """The relay ended a connection that had carried messages before this one, which it has not begun."""


class Session:
    """Used by one task at a time."""

    def __init__(self, smtp: aiosmtplib.SMTP, *, timeout: float, retry_seconds: float) -> None:
        self._smtp = smtp
        self._timeout = timeout
        self._retry_seconds = retry_seconds
        self._extensions = frozenset(smtp.esmtp_extensions)
        self._protocol = cast("SMTPProtocol", smtp.protocol)
        transport = cast("asyncio.Transport", self._protocol.transport)
        transport.set_write_buffer_limits(high=1, low=0)  # `drain` waits for all of it; 0 makes it wait for ever in TLS
        self._writer = asyncio.StreamWriter(transport, self._protocol, None, asyncio.get_running_loop())
        self._is_used = False
        self._broken_off = False  # a transaction was begun and not brought to its end
        self.taken = 0
        """Messages that it was given."""

    @property
    def is_usable(self) -> bool:
        """Whether the connection is still there."""
        return self._smtp.is_connected

    def close(self) -> None:
        """Says goodbye without waiting for an answer, and closes."""
        if self._smtp.is_connected:
            self._protocol.write(b"QUIT\r\n")
        self._smtp.close()

    async def refusal_of_sender(self, address: str) -> Reply | None:
        """The relay's refusal of an envelope sender; None where it takes it. Raises what aiosmtplib does."""
        self._is_used = self._broken_off = True
        reply = await self._ask(Step.MAIL, f"MAIL FROM:<{address}>", time.monotonic() + self._timeout)
        return None if reply.code in _SUCCESS[Step.MAIL] else reply

    async def deliver(self, mail: Mail, valid_until: float) -> Outcome:
        """Gives a message to the relay; the end of its text is written before `valid_until`, or never.

        Raises nothing but `Worn`: then the message is for a new connection, at once.
        """
        if mail.envelope.international and "smtputf8" not in self._extensions:
            return _NOT_INTERNATIONAL
        replaceable = self._is_used
        self._is_used = True
        self.taken += 1
        try:
            for step, command in self._commands(mail):
                reply = await self._ask(step, command, valid_until)
                if reply.code not in _SUCCESS[step]:
                    if replaceable and _is_about_the_connection(reply):
                        raise Worn
                    return outcome_of_reply(reply, retry_seconds=self._retry_seconds)
                replaceable = replaceable and step is Step.RESET
            return await self._hand_over(mail, valid_until)
        except TimeoutError:
            self.close()
            return _not_in_time(valid_until)
        except ConnectionError as error:
            self.close()
            if replaceable:
                raise Worn from error
            return not_processed("connection_lost", "The connection closed before the text was complete")
        except BaseException:
            self.close()
            raise

    def _commands(self, mail: Mail) -> Iterator[tuple[Step, str]]:
        if self._broken_off:
            yield Step.RESET, "RSET"
        self._broken_off = True
        envelope = mail.envelope
        options = envelope.mail_options(self._extensions, len(mail.content))
        yield Step.MAIL, " ".join([f"MAIL FROM:<{envelope.sender}>", *options])
        options = envelope.recipient_options(self._extensions)
        yield Step.RECIPIENT, " ".join([f"RCPT TO:<{envelope.recipient}>", *options])
        yield Step.DATA, "DATA"

    async def _ask(self, step: Step, command: str, valid_until: float) -> Reply:
        """TimeoutError, ConnectionError; a reply that cannot be read has a code that is none."""
        try:
            reply = await self._smtp.execute_command(command.encode(), timeout=self._left(valid_until))
        except SMTPResponseException as error:
            self.close()  # what comes next could be taken for the answer to something else
            return Reply(step, error.code, "")
        return Reply(step, reply.code, reply.message)

    async def _hand_over(self, mail: Mail, valid_until: float) -> Outcome:
        """The text, and what the relay says to it. Only with the end of the text can it have taken the message."""
        self._writer.write(mail.content)
        async with asyncio.timeout(self._left(valid_until)):
            await self._writer.drain()
        if time.monotonic() >= valid_until:
            raise TimeoutError
        self._protocol.write(_END_OF_TEXT)
        try:
            response = await self._protocol.read_response(timeout=self._timeout)
        except TimeoutError:
            self.close()
            return unknown_outcome("timeout", "The text was given to the relay, and no answer came")
        except ConnectionError:
            self.close()
            return unknown_outcome("connection_lost", "The connection closed after the text was given to the relay")
        except SMTPResponseException as error:
            self.close()
            return outcome_of_reply(Reply(Step.END, error.code, ""), retry_seconds=self._retry_seconds)
        self._broken_off = False
        reply = Reply(Step.END, response.code, response.message)
        if reply.code in _SUCCESS[Step.END]:
            return Accepted(mail.message_id, words(f"{reply.code} {reply.text}"))
        return outcome_of_reply(reply, retry_seconds=self._retry_seconds)

    def _left(self, valid_until: float) -> float:
        left = valid_until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(self._timeout, left)


def _is_about_the_connection(reply: Reply) -> bool:
    """The relay has had enough of it, or does not forget what went before."""
    return reply.code == _CLOSING or reply.step is Step.RESET


def _not_in_time(valid_until: float) -> NotProcessed:
    if time.monotonic() >= valid_until:
        return not_processed("lease_expired", "The claim ran out before the text was complete")
    return not_processed("timeout", "The relay took too long to answer")
