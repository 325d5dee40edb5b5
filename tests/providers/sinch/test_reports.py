"""Delivery reports and inbound messages, signed or not, and what cannot be read."""

import orjson
import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, NotFound, UpstreamFailed
from heliograph.ids import new_id
from heliograph.providers.protocol import Accepted, Account, ConnectionOptions, ProviderRequest, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.sinch.connection import SinchConfiguration, SinchCredentials
from heliograph.simulator.script import AccountScript, Delivery, Failure, Script
from tests.providers.contract import message
from tests.providers.pages import example_of
from tests.providers.sinch.oracle import SmsSinchEvent, sign
from tests.providers.sinch.peer import PLAN, SECRET, SinchPeer, report, signed
from tests.simulator.receiver import Receiver

SINCH = provider("sinch")
UNSIGNED = Account(
    SinchCredentials.model_validate({"service_plan_id": PLAN, "api_token": "5" * 20}), SinchConfiguration()
)


def _posted(body: bytes) -> ProviderRequest:
    return ProviderRequest("POST", "https://h.example/callbacks/t/status", {}, body)


async def test_callbacks_name_batch_and_recipient_and_are_as_the_sdk_of_sinch_reads_them(
    peer: SinchPeer, receiver: Receiver
) -> None:
    await peer.simulator.set_script(Script(delivery=Delivery(delivered=0, failed={408: 1})))
    connection = peer.open(callback_url=receiver.url)
    outgoing = [message(to=f"+44740012000{number}", body=f"Hello {number}") for number in range(2)]
    outcomes = await connection.send_batch(outgoing, peer.sender)
    await receiver.until(lambda came: len(came) == 6)
    await connection.aclose()
    for request in receiver.requests:
        assert SmsSinchEvent().parse_event(request.body).batch_id
    reports = [each for request in receiver.requests for each in SINCH.parse_status(request, UNSIGNED)]
    assert {each.provider_message_id for each in reports} == {
        outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)
    }
    assert {(each.provider_status, each.state) for each in reports} == {
        ("Queued", MessageState.ACCEPTED),
        ("Dispatched", MessageState.SENT),
        ("Aborted", MessageState.FAILED),
    }
    assert {each.error.code for each in reports if each.error} == {"408"}
    assert all(each.reference is None and each.occurred_at is not None for each in reports)


async def test_a_message_alone_in_its_batch_comes_back_with_its_reference(peer: SinchPeer, receiver: Receiver) -> None:
    connection = peer.open(callback_url=receiver.url)
    outgoing = message()
    await connection.send(outgoing, peer.sender)
    await receiver.until(lambda came: len(came) == 3)
    await connection.aclose()
    for request in receiver.requests:
        (each,) = SINCH.parse_status(request, UNSIGNED)
        assert each.reference == (outgoing.message_id, outgoing.attempt)


def test_a_full_report_speaks_of_every_recipient_and_a_summary_of_none() -> None:
    statuses = [
        {"code": 0, "status": "Delivered", "count": 2, "recipients": ["447400120001", "447400120002"]},
        {"code": "402", "status": "Aborted", "count": 1, "recipients": ["447400120003"]},
    ]
    content = {"type": "delivery_report_sms", "batch_id": "B", "total_message_count": 3, "statuses": statuses}
    reports = SINCH.parse_status(_posted(orjson.dumps(content)), UNSIGNED)
    assert [(each.provider_message_id, each.state) for each in reports] == [
        ("B/447400120001", MessageState.DELIVERED),
        ("B/447400120002", MessageState.DELIVERED),
        ("B/447400120003", MessageState.FAILED),
    ]
    assert reports[2].error is not None
    assert reports[2].error.error_class is ErrorClass.RECIPIENT
    summary = {**content, "statuses": [{"code": 0, "status": "Delivered", "count": 3}]}
    assert SINCH.parse_status(_posted(orjson.dumps(summary)), UNSIGNED) == ()


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        (404, ErrorClass.DELIVERY),
        (405, ErrorClass.CONTENT),
        (410, ErrorClass.SENDER),
        (1, ErrorClass.DELIVERY),
        (None, ErrorClass.DELIVERY),
    ],
)
def test_the_code_of_a_failure_has_its_class(code: int | None, error_class: ErrorClass) -> None:
    (each,) = SINCH.parse_status(_posted(report({"status": "Failed", "code": code})), UNSIGNED)
    assert each.error is not None
    assert each.error.error_class is error_class


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"7", "body"),
        (report({"batch_id": None}), "batch_id"),
        (report({"batch_id": "x" * 101}), "batch_id"),
        (report({"recipient": 7}), "recipient"),
        (report({"type": "mo_text"}), "type"),
        (report({"status": "Read"}), "status"),
        (report({"status": ["Failed"]}), "status"),
        (report({"status": "Failed", "code": "x"}), "code"),
        (report({"status": "Failed", "code": {}}), "code"),
        (report({"type": "delivery_report_sms"}), "statuses"),
        (report({"type": "delivery_report_sms", "statuses": ["x"]}), "statuses"),
        (report({"type": "delivery_report_sms", "statuses": [{"recipients": "x"}]}), "statuses.recipients"),
    ],
)
def test_a_callback_that_cannot_be_read_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SINCH.parse_status(_posted(body), UNSIGNED)
    assert caught.value.errors[0].field == field


def test_a_signature_is_asked_for_where_the_account_has_a_secret() -> None:
    good = signed({"status": "Delivered", "code": 0})
    assert SINCH.verify(good, SinchPeer.account)
    assert not SINCH.verify(_posted(good.body), SinchPeer.account)
    assert SINCH.verify(_posted(good.body), UNSIGNED)
    for changed in (
        ProviderRequest(good.method, good.url, good.headers, good.body + b" "),
        ProviderRequest(good.method, good.url, {**good.headers, "x-sinch-webhook-signature": "é"}, good.body),
        ProviderRequest(good.method, good.url, {**good.headers, "x-sinch-webhook-signature-nonce": "n€"}, good.body),
    ):
        assert not SINCH.verify(changed, SinchPeer.account)
    event = SmsSinchEvent(SECRET)
    assert event.validate_authentication_header(dict(good.headers), good.body)
    assert sign(SECRET, good.body, "nonce", "1767323045") == good.headers["x-sinch-webhook-signature"]


def _inbound(**changes: object) -> bytes:
    content = {
        "type": "mo_text",
        "id": "in-1",
        "from": "447400123456",
        "to": "12345",
        "body": "STOP",
        "received_at": "2026-01-02T03:04:05.678Z",
        **changes,
    }
    return orjson.dumps(content)


def test_an_inbound_message_is_read_as_the_sdk_of_sinch_reads_it() -> None:
    (inbound,) = SINCH.parse_inbound(_posted(_inbound()), UNSIGNED)
    read = SmsSinchEvent().parse_event(_inbound())
    assert (inbound.provider_message_id, inbound.address, inbound.to, inbound.body) == (
        read.id,
        f"+{read.from_}",
        read.to,
        read.body,
    )
    assert inbound.received_at == read.received_at


def test_an_inbound_message_without_a_text_is_passed_over() -> None:
    assert SINCH.parse_inbound(_posted(_inbound(type="mo_binary", body="AAA=")), UNSIGNED) == ()


@pytest.mark.parametrize("field", ["type", "id", "from", "to", "body"])
def test_an_inbound_message_that_cannot_be_read_names_the_field(field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        SINCH.parse_inbound(_posted(_inbound(**{field: 7})), UNSIGNED)
    assert caught.value.errors[0].field == field


async def test_a_poll_without_an_answer_raises(peer: SinchPeer) -> None:
    connection = peer.open()
    with pytest.raises(NotFound):
        await connection.poll(f"{new_id().hex}/447400123456")
    await peer.simulator.set_script(Script(accounts={PLAN: AccountScript(failure=Failure(status=503))}))
    with pytest.raises(UpstreamFailed):
        await connection.poll_many(["a/1", "b/2"])
    await connection.aclose()


async def test_the_example_on_the_page_is_sent_and_delivered(peer: SinchPeer, receiver: Receiver) -> None:
    example, kind = example_of("sinch"), provider("sinch")
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
