"""Routee beyond the contract: tokens, parts, tracking, the balance, and what cannot be read."""

import asyncio
from decimal import Decimal

import orjson
import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, InvalidInput, NotFound, UpstreamFailed
from heliograph.ids import new_id
from heliograph.providers.protocol import Accepted, Account, ConnectionOptions, NotProcessed, Refused, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.routee.reports import read_part, whole
from heliograph.simulator.script import AccountScript, Delivery, Failure, Script
from tests.providers.contract import Behaviour, message
from tests.providers.pages import example_of
from tests.providers.routee.peer import APPLICATION, RouteePeer, callback, error
from tests.simulator.receiver import Receiver

LONG = "Long text. " * 30


async def test_one_token_serves_all_and_is_renewed_when_it_is_refused(peer: RouteePeer) -> None:
    connection = peer.open()
    first = await asyncio.gather(*(connection.send(message(), peer.sender) for _ in range(8)))
    await peer.simulator.reset()  # forgets the token
    second = await asyncio.gather(*(connection.send(message(), peer.sender) for _ in range(8)))
    await connection.aclose()
    assert all(isinstance(outcome, Accepted) for outcome in [*first, *second])
    assert await peer.accepted() == 8


async def test_credentials_that_are_withdrawn_leave_messages_in_the_queue(peer: RouteePeer) -> None:
    connection = peer.open()
    assert isinstance(await connection.send(message(), peer.sender), Accepted)
    await peer.behave(Behaviour.REFUSES_CREDENTIALS)
    outcome = await connection.send(message(), peer.sender)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.AUTH


async def test_a_message_of_several_parts_is_called_back_and_tracked_part_by_part(
    peer: RouteePeer, receiver: Receiver
) -> None:
    connection = peer.open(callback_url=receiver.url)
    outgoing = message(body=LONG)
    outcome = await connection.send(outgoing, peer.sender)
    assert isinstance(outcome, Accepted)
    assert outcome.parts == 3
    await receiver.until(lambda came: len(came) == 9)
    reports = [report for request in receiver.requests for report in peer.provider.parse_status(request, peer.account)]
    assert {(report.state, report.part) for report in reports} == {
        (state, part)
        for state in (MessageState.ACCEPTED, MessageState.SENT, MessageState.DELIVERED)
        for part in (1, 2, 3)
    }
    assert {report.reference for report in reports} == {(outgoing.message_id, outgoing.attempt)}
    assert {report.provider_message_id for report in reports} == {outcome.provider_message_id}
    polled = await connection.poll(outcome.provider_message_id)
    await connection.aclose()
    assert (polled.state, polled.part) == (MessageState.DELIVERED, 0)


async def test_the_reason_of_a_failure_is_told_by_callback_and_by_poll(peer: RouteePeer, receiver: Receiver) -> None:
    await peer.simulator.set_script(Script(delivery=Delivery(delivered=0, undelivered={30005: 1})))
    connection = peer.open(callback_url=receiver.url)
    outcome = await connection.send(message(), peer.sender)
    assert isinstance(outcome, Accepted)
    await receiver.until(lambda came: len(came) == 3)
    (told,) = peer.provider.parse_status(receiver.requests[-1], peer.account)
    polled = await connection.poll(outcome.provider_message_id)
    await connection.aclose()
    for report in (told, polled):
        assert report.state is MessageState.UNDELIVERED
        assert report.error is not None
        assert (report.error.error_class, report.error.code) == (ErrorClass.RECIPIENT, "Unknown Number")
        assert report.occurred_at is not None


async def test_the_balance_is_that_of_the_account(peer: RouteePeer) -> None:
    await peer.simulator.set_script(Script(accounts={APPLICATION: AccountScript(balance="12.50", currency="EUR")}))
    connection = peer.open()
    balance = await connection.balance()
    await connection.aclose()
    assert (balance.amount, balance.currency) == (Decimal("12.5"), "EUR")


async def test_what_routee_does_not_know_or_does_not_tell_raises(peer: RouteePeer) -> None:
    connection = peer.open()
    with pytest.raises(NotFound):
        await connection.poll("no/such message?")
    with pytest.raises(BadRequest):
        await connection.look_up(to="+1", body=None, sender=peer.sender, since=None)  # type: ignore[arg-type]
    await peer.simulator.set_script(Script(accounts={APPLICATION: AccountScript(failure=Failure(status=503))}))
    with pytest.raises(UpstreamFailed):
        await connection.balance()
    await connection.aclose()


async def test_the_words_of_a_strange_refusal_come_without_the_number(peer: RouteePeer) -> None:
    await peer.simulator.set_script(error(400, "400005777"))
    connection = peer.open()
    outcome = await connection.send(message(), peer.sender)
    await connection.aclose()
    assert isinstance(outcome, Refused)
    assert (outcome.error.code, outcome.error.message) == ("400005777", "Error <number> for <number>")


async def test_a_text_that_is_no_unicode_is_refused_unsent(peer: RouteePeer) -> None:
    connection = peer.open()
    assert isinstance(await connection.send(message(body="\ud800"), peer.sender), Refused)
    await connection.aclose()
    assert await peer.accepted() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{}", "messageId"),
        (orjson.dumps({"messageId": 7}), "messageId"),
        (orjson.dumps({"messageId": "x" * 101}), "messageId"),
        (orjson.dumps({"messageId": "a"}), "status"),
        (orjson.dumps({"messageId": "a", "status": {"name": "Read"}}), "status.name"),
        (orjson.dumps({"messageId": "a", "status": {"name": 1}}), "status.name"),
        (orjson.dumps({"messageId": "a", "status": {"name": "Sent"}, "part": "1"}), "part"),
        (orjson.dumps({"messageId": "a", "status": {"name": "Sent"}, "part": 1, "parts": 999}), "parts"),
    ],
)
def test_a_callback_that_cannot_be_read_names_the_field(body: bytes, field: str) -> None:
    routee = provider("routee")
    request = callback({})
    with pytest.raises(InvalidInput) as caught:
        routee.parse_status(type(request)("POST", request.url, request.headers, body), RouteePeer.account)
    assert caught.value.errors[0].field == field


@pytest.mark.parametrize("moment", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "soon", None, 7])
def test_a_callback_is_read_whatever_its_date(moment: object) -> None:
    (report,) = provider("routee").parse_status(
        callback({"status": {"name": "DELIVERED", "updatedDate": moment}}), RouteePeer.account
    )
    assert report.state is MessageState.DELIVERED
    assert (report.occurred_at is not None) == (isinstance(moment, str) and moment != "soon")
    assert report.reference is None


def test_parts_that_are_counted_from_nought_stay_apart() -> None:
    def part(number: int) -> int:
        return read_part({"messageId": "a", "status": {"name": "Sent"}, "part": number, "parts": 3}).part

    assert {part(0), part(1), part(2)} == {1, 2, 3}
    assert {part(1), part(2), part(3)} == {1, 2, 3}


@pytest.mark.parametrize(
    ("names", "state"),
    [
        (("Delivered", "Delivered"), MessageState.DELIVERED),
        (("Delivered", "Sent"), MessageState.SENT),
        (("Queued", "Sent"), MessageState.ACCEPTED),
        (("Delivered", "Undelivered"), MessageState.UNDELIVERED),
        (("Failed", "Undelivered"), MessageState.FAILED),
    ],
)
def test_a_message_is_what_its_worst_part_is(names: tuple[str, ...], state: MessageState) -> None:
    parts = [
        read_part({"messageId": "a", "part": place, "parts": 2, "status": {"status": name}})
        for place, name in enumerate(names, 1)
    ]
    assert whole(parts).state is state


def test_a_callback_of_nobody_is_told_apart_from_ours() -> None:
    ours = new_id()
    (report,) = provider("routee").parse_status(
        callback({"status": {"name": "Sent"}}, f"https://h.example/callbacks/t/status?r={ours}.2"), RouteePeer.account
    )
    assert report.reference == (ours, 2)


async def test_the_example_on_the_page_is_sent_and_delivered(peer: RouteePeer, receiver: Receiver) -> None:
    example, kind = example_of("routee"), provider("routee")
    account = Account(
        kind.credentials.model_validate(example["credentials"]),
        kind.configuration.model_validate(example["configuration"]),
    )
    connection = kind.open(account, ConnectionOptions(5.0, receiver.url, simulator_url=peer.simulator.url))
    await connection.check_credentials()
    outcome = await connection.send(message(**example["message"]), SenderAddress(**example["sender"]))
    assert isinstance(outcome, Accepted)
    await receiver.until(lambda came: len(came) == 3)
    await connection.aclose()
    (last,) = kind.parse_status(receiver.requests[-1], account)
    assert (last.provider_message_id, last.state) == (outcome.provider_message_id, MessageState.DELIVERED)
