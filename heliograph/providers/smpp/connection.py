"""An open SMPP connector: submits texts through its binds, and takes in what the SMSC sends."""

import asyncio
import itertools
import random
import time
from typing import ClassVar, Final

import smpp34

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import (
    Accepted,
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
)
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.smpp.account import SmppConfiguration, SmppCredentials
from heliograph.providers.smpp.asked import NotWritten, Unanswered
from heliograph.providers.smpp.binds import Binds
from heliograph.providers.smpp.dialling import Dialler, NoSession, Smsc
from heliograph.providers.smpp.intake import Intake
from heliograph.providers.smpp.pdu import GENERIC_NACK, Pdu, c_string
from heliograph.providers.smpp.senders import source_of
from heliograph.providers.smpp.statuses import ALREADY_BOUND, OK, meaning, outcome
from heliograph.providers.smpp.texts import Piece, TooLong, cut

_REGISTERED_DELIVERY: Final = {"none": 0, "final": 1, "failures": 2, "final_and_intermediate": 17}
_ACCEPTED: Final = "ACCEPTED"
"""What the ledger shows as the provider's word until a receipt brings another."""
_BETWEEN_IDS: Final = ","
_AGAIN: Final = 0.5
"""Seconds until a further part is tried again."""


class SmppConnection(FewAnswers):
    """One account at one SMSC, used by many tasks at once."""

    provider_name: ClassVar[str] = "SMPP"

    def __init__(
        self, credentials: SmppCredentials, configuration: SmppConfiguration, options: ConnectionOptions
    ) -> None:
        self._configuration = configuration
        self._intake = Intake(options.inbox, configuration)
        smsc = Smsc.of(configuration, options.reachable, options.simulated_smsc)
        self._dialler = Dialler(smsc, credentials, configuration, self._intake.take, timeout=options.timeout)
        self._binds = Binds(self._dialler.dial, configuration.binds)
        self._references = itertools.count(random.randrange(1 << 16))
        self._validity = _validity(configuration.validity_seconds)

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One text: one submit_sm, or one for each of its parts, one after the other. See docs/providers/smpp.md."""
        try:
            text = cut(message.body, self._configuration, next(self._references))
        except UnicodeEncodeError:
            return Refused(ProviderError(ErrorClass.CONTENT, "not_unicode", "The text has a lone surrogate"))
        except TooLong:
            return Refused(ProviderError(ErrorClass.CONTENT, "too_long", "The text is too long for SMPP"))
        names: list[str] = []
        for piece in text.pieces:
            encoded = self._encoded(piece, message.to, sender)
            answered = await self._submit(encoded, message.valid_until)
            while names and isinstance(answered, NotProcessed) and time.monotonic() + _AGAIN < message.valid_until:
                await asyncio.sleep(_AGAIN)  # others were taken: this one is worth as many tries as the claim allows
                answered = await self._submit(encoded, message.valid_until)
            if not isinstance(answered, str):
                return answered if not names else _broken_off(answered, len(names), text.parts)
            names.append(answered)
        if len(names) == 1:
            return Accepted(names[0], _ACCEPTED, text.parts)
        return Accepted(_BETWEEN_IDS.join(names), _ACCEPTED, text.parts, part_ids=names)

    async def check_credentials(self) -> None:
        """Binds and unbinds. `Unauthenticated`, `BadRequest` for what the account may not, `UpstreamFailed`."""
        try:
            session = await self._dialler.dial()
        except NoSession as failure:
            if failure.status == ALREADY_BOUND:  # said only to who is known: our other processes have the binds
                return
            error = failure.error
            if error.error_class is ErrorClass.AUTH:
                raise Unauthenticated(error.message) from failure
            if error.error_class is ErrorClass.ACCOUNT:
                raise BadRequest(error.message, code=error.code) from failure
            raise UpstreamFailed(error.message) from failure
        await session.unbind()

    async def keep_open(self) -> None:
        """Binds now, and again whenever a bind is lost, until `aclose`."""
        self._binds.keep_open()

    async def aclose(self) -> None:
        """Unbinds. Messages under way end: those not written as not processed, the others in doubt."""
        await self._binds.aclose()
        await self._intake.aclose()

    async def _submit(self, message: bytes, valid_until: float) -> str | Refused | NotProcessed | InDoubt:
        """The SMSC's name of what was submitted, or what became of it instead."""
        try:
            if self._binds.resting_until > time.monotonic():
                await self._rest(valid_until)
            session = await self._binds.session(valid_until)
            answer = await session.submit(message, valid_until)
        except NoSession as failure:
            return NotProcessed(failure.error)
        except NotWritten as failure:
            return NotProcessed(ProviderError(ErrorClass.NOT_PROCESSED, failure.code, failure.text))
        except Unanswered as failure:
            return InDoubt(ProviderError(ErrorClass.UNKNOWN_OUTCOME, failure.code, failure.text))
        return self._read(answer)

    def _read(self, answer: Pdu) -> str | Refused | NotProcessed | InDoubt:
        configuration = self._configuration
        if answer.status != OK:
            error = meaning(answer.status, configuration.statuses)
            if error.error_class is ErrorClass.RATE_LIMITED:
                self._binds.rest(configuration.throttle_seconds)
            return outcome(error, throttle_seconds=configuration.throttle_seconds)
        name = c_string(answer.body) if answer.command_id != GENERIC_NACK else ""
        if not name:
            text = "The SMSC took the message without naming it"
            return InDoubt(ProviderError(ErrorClass.UNKNOWN_OUTCOME, "unreadable_answer", text))
        return name

    async def _rest(self, valid_until: float) -> None:
        """Waits while the SMSC wants nothing; `NotWritten` when that is longer than the claim."""
        while (rest := self._binds.resting_until - time.monotonic()) > 0:
            if time.monotonic() + rest >= valid_until:
                raise NotWritten("lease_expired", "The SMSC wanted nothing until the claim of the message ran out")
            await asyncio.sleep(rest)

    def _encoded(self, piece: Piece, to: str, sender: SenderAddress) -> bytes:
        configuration = self._configuration
        source, source_numbering = source_of(sender, configuration)
        return smpp34.SubmitSm(
            source,
            to.removeprefix("+"),
            piece.octets,
            service_type=configuration.service_type,
            source_addr_ton=source_numbering.ton,
            source_addr_npi=source_numbering.npi,
            dest_addr_ton=configuration.recipients.ton,
            dest_addr_npi=configuration.recipients.npi,
            esm_class=piece.esm_class,
            validity_period=self._validity,
            registered_delivery=_REGISTERED_DELIVERY[configuration.receipts],
            data_coding=piece.data_coding,
            tlvs=list(piece.parameters),
        ).encode()


def _broken_off(answered: Refused | NotProcessed | InDoubt, taken: int, parts: int) -> Refused | NotProcessed | InDoubt:
    """What becomes of a message of which some parts were taken, and then one was not.

    It can no more be said that nothing was processed. A part that is refused for good makes the whole refused: no try
    could be better. One that could not be submitted for now leaves the message in doubt, so that the policy of its
    category decides whether the whole is sent once more.
    """
    text = f"{taken} of {parts} parts were taken, then: {answered.error.message}"
    if isinstance(answered, Refused):
        return Refused(ProviderError(answered.error.error_class, answered.error.code, text))
    return InDoubt(ProviderError(ErrorClass.UNKNOWN_OUTCOME, answered.error.code, text))


def _validity(seconds: int | None) -> str:
    """A relative time (SMPP 3.4, 7.1.1): days, hours, minutes, seconds from the submission."""
    if seconds is None:
        return ""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"0000{days:02d}{hour:02d}{minute:02d}{second:02d}000R"
