"""What every provider must do, whatever its protocol: a suite that each provider's tests subclass.

A provider's test module gives a `Peer`: the provider's simulator, told in the words of this suite how to behave.
What a provider cannot do is read from its `Capabilities`; what its interface has no word for, the subclass says.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import ClassVar, Protocol, cast
from uuid import UUID

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import Unauthenticated, UpstreamFailed
from heliograph.ids import new_id
from heliograph.providers.protocol import (
    Accepted,
    Account,
    BatchConnection,
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    Provider,
    ProviderConnection,
    ProviderRequest,
    Refused,
    SenderAddress,
)


class Behaviour(Enum):
    """How the provider answers the next request to send."""

    ACCEPTS = "accepts"
    RATE_LIMITS = "rate limits, and says to come back in 7 seconds"
    FAILS = "answers 5xx"
    ERRS_IN_200 = "answers 200 with an error in the body"
    GARBLES = "answers what cannot be read, after accepting"
    DROPS = "drops the connection without accepting"
    DROPS_AFTER_ACCEPTING = "drops the connection after accepting"
    IS_SILENT = "accepts and never answers"
    REFUSES_CREDENTIALS = "does not know the credentials"
    SUSPENDED = "has suspended the account"
    REFUSES_RECIPIENT = "says the number is not valid"
    KNOWS_OPT_OUT = "says the recipient has opted out"
    REFUSES_SENDER = "says the sender is not allowed"
    REFUSES_CONTENT = "says the text is not allowed"
    REFUSES_STRANGELY = "refuses with a code nobody knows"


REFUSALS = [
    (Behaviour.REFUSES_RECIPIENT, ErrorClass.RECIPIENT),
    (Behaviour.KNOWS_OPT_OUT, ErrorClass.OPT_OUT),
    (Behaviour.REFUSES_SENDER, ErrorClass.SENDER),
    (Behaviour.REFUSES_CONTENT, ErrorClass.CONTENT),
    (Behaviour.REFUSES_STRANGELY, ErrorClass.OTHER),
]
ACCOUNT_FAILURES = [
    (Behaviour.REFUSES_CREDENTIALS, ErrorClass.AUTH),
    (Behaviour.SUSPENDED, ErrorClass.ACCOUNT),
]
IN_DOUBT = [
    Behaviour.FAILS,
    Behaviour.ERRS_IN_200,
    Behaviour.GARBLES,
    Behaviour.DROPS,
    Behaviour.DROPS_AFTER_ACCEPTING,
    Behaviour.IS_SILENT,
]
NUMBER = "+447400123456"


class Peer(Protocol):
    """A provider under test, with its simulator."""

    provider: Provider
    account: Account
    sender: SenderAddress
    statuses: Sequence[tuple[str, MessageState]]  # each status word the provider may report, and what it means

    async def behave(self, behaviour: Behaviour) -> None:
        """Tells the simulator."""

    def open(self, *, timeout: float = 5.0, unreachable: bool = False) -> ProviderConnection:
        """A connection to the simulator, or to a port where nothing listens."""

    async def accepted(self) -> int:
        """How many messages the simulator took."""

    async def sent(self) -> None:
        """Waits until the messages that it took have gone on to the recipients' networks."""

    def callback(self, status: str, reference: tuple[UUID, int], *, token: str | None = None) -> ProviderRequest:
        """A signed status callback; `token` signs in place of the right secret."""


def message(*, to: str = NUMBER, body: str = "Grüße, Ann 😀", seconds: float = 30.0) -> OutgoingMessage:
    """One call's worth, valid for so many seconds from now."""
    return OutgoingMessage(new_id(), 1, to, body, time.monotonic() + seconds)


class ProviderContract:
    """Subclass it as `Test<Provider>` and give a `peer` fixture."""

    cannot: ClassVar[frozenset[Behaviour]] = frozenset()
    """What the provider's interface has no way to say, and what it documents to mean something else (tested apart)."""
    says_when_to_come_back: ClassVar[bool] = True
    """Whether it sends Retry-After, or the like, with a rate limit."""
    checks_credentials: ClassVar[bool] = True
    """Whether it has something harmless to be asked with credentials."""

    def message(self, *, to: str = NUMBER, body: str = "Grüße, Ann 😀", seconds: float = 30.0) -> OutgoingMessage:
        """One call's worth; providers of other channels have their own."""
        return message(to=to, body=body, seconds=seconds)

    async def _send(self, peer: Peer, behaviour: Behaviour, *, timeout: float = 5.0) -> Outcome:
        await peer.behave(behaviour)
        connection = peer.open(timeout=timeout)
        try:
            return await connection.send(self.message(), peer.sender)
        finally:
            await connection.aclose()

    async def test_an_accepted_message_has_the_providers_name(self, peer: Peer) -> None:
        outcome = await self._send(peer, Behaviour.ACCEPTS)
        assert isinstance(outcome, Accepted)
        assert outcome.provider_message_id
        assert await peer.accepted() == 1

    @pytest.mark.parametrize(("behaviour", "error_class"), REFUSALS)
    async def test_a_refusal_is_final_and_has_its_class(
        self, peer: Peer, behaviour: Behaviour, error_class: ErrorClass
    ) -> None:
        if behaviour in self.cannot:
            return
        outcome = await self._send(peer, behaviour)
        assert isinstance(outcome, Refused)
        assert outcome.error.error_class is error_class
        assert NUMBER not in outcome.error.message

    @pytest.mark.parametrize(("behaviour", "error_class"), ACCOUNT_FAILURES)
    async def test_a_failure_of_the_account_leaves_the_message_in_the_queue(
        self, peer: Peer, behaviour: Behaviour, error_class: ErrorClass
    ) -> None:
        if behaviour in self.cannot:
            return
        outcome = await self._send(peer, behaviour)
        assert isinstance(outcome, NotProcessed)
        assert outcome.error.error_class is error_class

    async def test_a_rate_limit_is_not_processed_and_names_when_to_come_back(self, peer: Peer) -> None:
        if Behaviour.RATE_LIMITS in self.cannot:
            return
        outcome = await self._send(peer, Behaviour.RATE_LIMITS)
        assert isinstance(outcome, NotProcessed)
        assert outcome.error.error_class is ErrorClass.RATE_LIMITED
        assert outcome.retry_after == (7.0 if self.says_when_to_come_back else None)
        assert await peer.accepted() == 0

    @pytest.mark.parametrize("behaviour", IN_DOUBT)
    async def test_an_outcome_nobody_knows_is_in_doubt_and_the_request_is_not_repeated(
        self, peer: Peer, behaviour: Behaviour
    ) -> None:
        if behaviour in self.cannot:
            return
        outcome = await self._send(peer, behaviour, timeout=0.5)
        assert isinstance(outcome, InDoubt)
        assert outcome.error.error_class is ErrorClass.UNKNOWN_OUTCOME
        assert await peer.accepted() <= 1

    async def test_a_refused_connection_is_known_not_to_have_been_processed(self, peer: Peer) -> None:
        connection = peer.open(unreachable=True)
        outcome = await connection.send(self.message(), peer.sender)
        await connection.aclose()
        assert isinstance(outcome, NotProcessed)
        assert outcome.error.error_class is ErrorClass.NOT_PROCESSED

    async def test_nothing_is_written_after_the_lease(self, peer: Peer) -> None:
        await peer.behave(Behaviour.ACCEPTS)
        connection = peer.open()
        assert isinstance(await connection.send(self.message(), peer.sender), Accepted)  # the connection is warm
        late = await connection.send(self.message(seconds=-0.001), peer.sender)
        assert isinstance(late, NotProcessed)
        assert late.error.code == "lease_expired"
        assert isinstance(await connection.send(self.message(), peer.sender), Accepted)
        await connection.aclose()
        assert await peer.accepted() == 2

    async def test_a_closed_connection_sends_nothing(self, peer: Peer) -> None:
        await peer.behave(Behaviour.ACCEPTS)
        connection = peer.open()
        await connection.aclose()
        assert isinstance(await connection.send(self.message(), peer.sender), NotProcessed)
        assert await peer.accepted() == 0

    async def test_the_log_lists_what_was_taken_and_nothing_from_another_time(self, peer: Peer) -> None:
        if not peer.provider.capabilities.log:
            return
        await peer.behave(Behaviour.ACCEPTS)
        begin = datetime.now(UTC)
        connection = peer.open()
        sent = [self.message(to=f"+44740012{number:04}") for number in range(3)]
        outcomes = [await connection.send(each, peer.sender) for each in sent]
        await peer.behave(Behaviour.DROPS_AFTER_ACCEPTING)
        await connection.send(self.message(to="+447400129999"), peer.sender)
        await peer.sent()
        end = datetime.now(UTC) + timedelta(seconds=1)
        logged = {each.provider_message_id: each async for each in connection.log(peer.sender, begin, end)}
        named = {each.provider_message_id for each in outcomes if isinstance(each, Accepted)}
        assert len(named) == 3
        assert named < logged.keys()
        assert sorted(each.to for each in logged.values()) == [*(each.to for each in sent), "+447400129999"]
        assert all(begin.replace(microsecond=0) <= each.created_at <= end for each in logged.values())
        day = timedelta(days=1)
        assert [each async for each in connection.log(peer.sender, begin - day, begin - day / 2)] == []
        assert [each async for each in connection.log(peer.sender, end + day / 2, end + day)] == []
        await connection.aclose()

    async def test_a_log_that_cannot_be_read_says_why(self, peer: Peer) -> None:
        if not peer.provider.capabilities.log:
            return
        now = datetime.now(UTC)
        connection = peer.open(unreachable=True)
        with pytest.raises(UpstreamFailed):
            await anext(aiter(connection.log(peer.sender, now, now)))
        await connection.aclose()
        await peer.behave(Behaviour.REFUSES_CREDENTIALS)
        connection = peer.open()
        with pytest.raises(Unauthenticated):
            await anext(aiter(connection.log(peer.sender, now, now)))
        await connection.aclose()

    async def test_a_batch_has_one_outcome_for_each_message_in_their_order(self, peer: Peer) -> None:
        if peer.provider.capabilities.batch_size == 1:
            return
        await peer.behave(Behaviour.ACCEPTS)
        connection = cast("BatchConnection", peer.open())
        messages = [self.message(to=f"+44740012{number:04}", body=f"Hello {number}") for number in range(3)]
        outcomes = await connection.send_batch(messages, peer.sender)
        await connection.aclose()
        assert len({outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)}) == 3
        assert await peer.accepted() == 3

    async def test_the_status_of_a_message_can_be_asked_for(self, peer: Peer) -> None:
        if not peer.provider.capabilities.polling:
            return
        await peer.behave(Behaviour.ACCEPTS)
        connection = peer.open()
        outcome = await connection.send(self.message(), peer.sender)
        assert isinstance(outcome, Accepted)
        await peer.sent()
        report = await connection.poll(outcome.provider_message_id)
        await connection.aclose()
        assert report.provider_message_id == outcome.provider_message_id
        assert report.state in {MessageState.SENT, MessageState.DELIVERED}

    async def test_credentials_are_checked(self, peer: Peer) -> None:
        if not self.checks_credentials:
            return
        await peer.behave(Behaviour.ACCEPTS)
        connection = peer.open()
        await connection.check_credentials()
        await connection.aclose()
        await peer.behave(Behaviour.REFUSES_CREDENTIALS)
        connection = peer.open()
        with pytest.raises(Unauthenticated):
            await connection.check_credentials()
        await connection.aclose()
        connection = peer.open(unreachable=True)
        with pytest.raises(UpstreamFailed):
            await connection.check_credentials()
        await connection.aclose()

    async def test_the_balance_can_be_read(self, peer: Peer) -> None:
        if not peer.provider.capabilities.balance:
            return
        await peer.behave(Behaviour.ACCEPTS)
        connection = peer.open()
        balance = await connection.balance()
        await connection.aclose()
        assert balance.amount > 0
        assert len(balance.currency) == 3

    def test_a_callback_is_verified_and_read_in_every_status(self, peer: Peer) -> None:
        if _nobody_calls(peer):
            return
        sent = (new_id(), 3)
        reference = sent if peer.provider.capabilities.references else None
        for status, state in peer.statuses:
            request = peer.callback(status, sent)
            assert peer.provider.verify(request, peer.account), status
            (report,) = peer.provider.parse_status(request, peer.account)
            assert (report.provider_status, report.state, report.reference) == (status, state, reference)
            unsuccessful = state in {MessageState.UNDELIVERED, MessageState.FAILED}
            assert (report.error is not None) == unsuccessful, status

    def test_a_repeated_callback_says_the_same_again(self, peer: Peer) -> None:
        if _nobody_calls(peer):
            return
        request = peer.callback(peer.statuses[0][0], (new_id(), 1))
        assert list(peer.provider.parse_status(request, peer.account)) == list(
            peer.provider.parse_status(request, peer.account)
        )

    def test_a_callback_signed_by_another_is_refused(self, peer: Peer) -> None:
        if _nobody_calls(peer) or not peer.provider.capabilities.signed:
            return
        request = peer.callback(peer.statuses[0][0], (new_id(), 1), token="another")
        assert not peer.provider.verify(request, peer.account)


def _nobody_calls(peer: Peer) -> bool:
    """Receipts do not come by requests: the provider tells nothing by itself, or over an open connection."""
    return not peer.provider.capabilities.callbacks or peer.provider.capabilities.listens
