"""An open SMTP connector: sends e-mails through a pool of sessions with its relay."""

import asyncio
import time
from typing import ClassVar, Final

from aiosmtplib import SMTPException

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, FieldError, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import (
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
)
from heliograph.providers.shared.email_senders import EmailSender
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.smtp.account import SmtpConfiguration, SmtpCredentials
from heliograph.providers.smtp.envelope import envelope_sender
from heliograph.providers.smtp.mail import Mail, Unmailable, compose
from heliograph.providers.smtp.opening import CannotOpen, Opener, Relay
from heliograph.providers.smtp.pool import Pool
from heliograph.providers.smtp.replies import Reply, not_processed, words
from heliograph.providers.smtp.session import Session, Worn

_EXPIRED: Final = not_processed("lease_expired", "The claim ran out before a connection to the relay was free")
_WRONGLY_SET: Final = frozenset({"tls", "no_starttls", "no_auth", "private_address"})


class SmtpConnection(FewAnswers):
    """One account at one relay, used by many tasks at once."""

    provider_name: ClassVar[str] = "SMTP"

    def __init__(
        self, credentials: SmtpCredentials, configuration: SmtpConfiguration, options: ConnectionOptions
    ) -> None:
        self._configuration = configuration
        relay = Relay.of(configuration, options.reachable, options.simulated_relay)
        self._pool = Pool(
            Opener(relay, credentials, configuration, timeout=options.timeout).open,
            size=min(configuration.connections, options.max_connections),
            messages=configuration.messages_per_connection,
            idle_seconds=configuration.idle_seconds,
        )

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one recipient. See docs/providers/smtp.md for what each reply becomes."""
        try:
            mail = compose(message, sender, self._configuration)
        except Unmailable as error:
            return Refused(error.error)
        try:
            return await self._deliver(mail, message.valid_until)
        except Worn:
            return await self._deliver(mail, message.valid_until, fresh=True)

    async def _deliver(self, mail: Mail, valid_until: float, *, fresh: bool = False) -> Outcome:
        left = valid_until - time.monotonic()
        if left <= 0:
            return _EXPIRED
        try:
            async with asyncio.timeout(left):
                session = await self._pool.take(fresh=fresh)
        except CannotOpen as error:
            return error.outcome
        except TimeoutError:
            return _EXPIRED
        try:
            return await session.deliver(mail, valid_until)
        finally:
            self._pool.give_back(session)

    async def check_credentials(self) -> None:
        """Connects and signs on. `Unauthenticated`, `BadRequest` naming what is set wrongly, or `UpstreamFailed`."""
        self._pool.give_back(await self._session())

    async def check_sender(self, sender: SenderAddress) -> None:
        """Asks the relay whether it takes mail from the address that bounces will go to; sends nothing."""
        address = envelope_sender(EmailSender.parse(sender.address).address, self._configuration)
        session = await self._session()
        try:
            refusal = await session.refusal_of_sender(address)
        except (SMTPException, OSError) as error:
            session.close()
            raise UpstreamFailed("The relay closed the connection, or did not answer in time") from error
        finally:
            self._pool.give_back(session)
        if refusal is not None:
            raise _sender_refused(refusal)

    async def aclose(self) -> None:
        """Closes the pool. Messages under way end: those whose text was not complete as not processed."""
        self._pool.close()

    async def _session(self) -> Session:
        try:
            return await self._pool.take(fresh=True)
        except CannotOpen as error:
            raise _in_words(error.outcome.error) from error


def _in_words(error: ProviderError) -> Unauthenticated | BadRequest | UpstreamFailed:
    if error.error_class is ErrorClass.AUTH:
        return Unauthenticated("The relay does not accept the credentials")
    if error.code in _WRONGLY_SET or error.error_class is ErrorClass.ACCOUNT:
        return BadRequest(
            error.message, code=error.code, errors=[FieldError("configuration", error.message, error.code)]
        )
    return UpstreamFailed(error.message)


def _sender_refused(refusal: Reply) -> BadRequest | UpstreamFailed:
    if refusal.code >= 500:
        rule = f"The relay does not take mail from this address: {refusal.code} {words(refusal.text)}"
        return BadRequest(rule, code="unknown_sender", errors=[FieldError("address", rule, "unknown_sender")])
    return UpstreamFailed(f"The relay answered {refusal.code} to MAIL FROM")
