"""Gupshup keeps the contract of providers; what it says, and what it means."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import urlencode

import orjson
import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.gupshup.connection import GupshupConfiguration, GupshupConnection, GupshupCredentials
from heliograph.providers.protocol import (
    Accepted,
    Account,
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    ProviderRequest,
    Refused,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.providers.shared.dlt import DltRegistration, DltTemplate
from heliograph.providers.shared.http import HttpAnswer
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import Behaviour, ProviderContract, message
from tests.providers.gateway_peer import CALLBACK_URL, GatewayPeer, by_get

GUPSHUP = provider("gupshup")
CREDENTIALS = GupshupCredentials(user_id="2000123456", password="right")
ACCOUNT = Account(CREDENTIALS, GupshupConfiguration())
MASK = SenderAddress("mask", "ACMEIN")


class GupshupPeer(GatewayPeer):
    """Its simulator."""

    provider = GUPSHUP
    account = ACCOUNT
    sender = MASK
    account_name = "2000123456"
    codes: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "105",
        Behaviour.REFUSES_SENDER: "108",
        Behaviour.REFUSES_STRANGELY: "999",
    }
    statuses = (("DELIVERED", MessageState.DELIVERED), ("FAILED", MessageState.FAILED))

    def report(self, status: str) -> Mapping[str, str]:
        """As the page on real-time reports names the fields."""
        return {"externalId": "3562707498794989059-328736121207676738", "status": status, "errCode": "003"}


@pytest.fixture
def peer(simulator: SimulatorClient) -> GupshupPeer:
    """Gupshup with a clean simulator."""
    return GupshupPeer(simulator)


class TestGupshup(ProviderContract):
    """The suite."""

    cannot = frozenset({Behaviour.KNOWS_OPT_OUT, Behaviour.REFUSES_CONTENT, Behaviour.ERRS_IN_200})


def answered(body: bytes, status: int = 200) -> object:
    """What an answer becomes."""
    connection = GupshupConnection(
        CREDENTIALS, GupshupConfiguration(), ConnectionOptions(timeout=1.0, callback_url=None)
    )
    return connection.outcome(HttpAnswer(status, body))


def reply(status: str, identity: object, details: str = "") -> bytes:
    """A reply in JSON."""
    return orjson.dumps({"response": {"id": identity, "phone": "", "details": details, "status": status}})


@pytest.mark.parametrize("body", [reply("success", "394-12"), b"success | 919812345678 | 394-12"])
def test_an_acceptance_is_read_in_json_and_in_text(body: bytes) -> None:
    assert answered(body) == Accepted("394-12", "success")


@pytest.mark.parametrize(
    ("code", "kind", "error_class"),
    [
        ("100", InDoubt, ErrorClass.UNKNOWN_OUTCOME),
        ("101", Refused, ErrorClass.OTHER),
        ("102", NotProcessed, ErrorClass.AUTH),
        ("103", NotProcessed, ErrorClass.AUTH),
        ("104", NotProcessed, ErrorClass.ACCOUNT),
        ("105", Refused, ErrorClass.RECIPIENT),
        ("108", Refused, ErrorClass.SENDER),
        ("175", Refused, ErrorClass.SENDER),
        ("999", Refused, ErrorClass.OTHER),
    ],
)
def test_an_error_within_200_has_its_class(code: str, kind: type, error_class: ErrorClass) -> None:
    for body in (reply("error", code, "about 919812345678"), f"error | {code} | about 919812345678".encode()):
        outcome = answered(body)
        assert isinstance(outcome, kind)
        assert isinstance(outcome, Refused | NotProcessed | InDoubt)
        assert (outcome.error.error_class, outcome.error.code) == (error_class, code)
        assert "9198" not in outcome.error.message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (reply("success", ""), 200),
        (reply("success", None), 200),
        (reply("success", {"a": 1}), 200),
        (reply("queued", "394-12"), 200),
        (b'{"response": "success"}', 200),
        (b"success", 200),
        (b"", 200),
        (b"[]", 200),
        (reply("success", "394-12"), 500),
        (reply("error", "105"), 502),
        (b"moved", 302),
    ],
)
def test_what_is_no_clear_word_is_in_doubt(body: bytes, status: int) -> None:
    assert isinstance(answered(body, status), InDoubt)


async def test_a_text_for_india_goes_with_its_registration(simulator: SimulatorClient) -> None:
    peer = GupshupPeer(simulator)
    dlt = DltRegistration(entity_id="1101", templates=(DltTemplate(id="1107", text="Dear {#var#}, welcome"),))
    connection = peer.open(account=Account(CREDENTIALS, GupshupConfiguration(dlt=dlt)))
    try:
        fitting = await connection.send(message(to="+919812345678", body="Dear Ann, welcome"), MASK)
        assert isinstance(fitting, Accepted)
        other = await connection.send(message(to="+919812345678", body="Something else"), MASK)
        assert isinstance(other, Refused)
        assert (other.error.error_class, other.error.code) == (ErrorClass.CONTENT, "dlt_template")
        assert isinstance(await connection.send(message(to="+447400123456", body="Something else"), MASK), Accepted)
    finally:
        await connection.aclose()
    assert await peer.accepted() == 2


def test_the_form_has_the_documented_fields() -> None:
    dlt = DltRegistration(entity_id="1101")
    connection = GupshupConnection(
        CREDENTIALS, GupshupConfiguration(dlt=dlt), ConnectionOptions(timeout=1.0, callback_url=None)
    )
    request = connection.request(message(to="+919812345678", body="Hi ₹5"), MASK, "1107")
    assert (request.method, request.url) == ("POST", "https://enterprise.smsgupshup.com/GatewayAPI/rest")
    assert request.body == urlencode(
        {
            "userid": "2000123456",
            "password": "right",
            "method": "sendMessage",
            "auth_scheme": "plain",
            "v": "1.1",
            "format": "JSON",
            "principalEntityId": "1101",
            "send_to": "919812345678",
            "msg": "Hi ₹5",
            "msg_type": "Unicode_text",
            "mask": "ACMEIN",
            "dltTemplateId": "1107",
        }
    ).encode("ascii")


def test_a_batch_of_reports_is_read() -> None:
    events = [
        {"externalId": "1-1", "eventType": "DELIVERED", "eventTs": 1526347800000, "cause": "SUCCESS", "errCode": "000"},
        {"externalId": "1-2", "eventType": "FAILED", "eventTs": 1526347800000, "errCode": 3, "channel": "SMS"},
    ]
    form = b"response=" + urlencode({"": orjson.dumps(events)}).encode()[1:]
    for body in (form, orjson.dumps({"response": events}), orjson.dumps(events)):
        first, second = GUPSHUP.parse_status(ProviderRequest("POST", CALLBACK_URL, {}, body), ACCOUNT)
        assert (first.provider_message_id, first.state, first.error) == ("1-1", MessageState.DELIVERED, None)
        assert first.occurred_at == datetime(2018, 5, 15, 1, 30, tzinfo=UTC)
        assert second.error is not None
        assert (second.error.error_class, second.error.code) == (ErrorClass.RECIPIENT, "003")


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "SUCCESS", "errCode": "000"}, MessageState.DELIVERED),
        ({"status": "whatever", "errCode": "1"}, MessageState.FAILED),
        ({"status": "delivered"}, MessageState.DELIVERED),
        ({"status": "FAILED", "deliveredTS": "soon"}, MessageState.FAILED),
    ],
)
def test_a_report_by_get_is_read_by_word_or_code(fields: dict[str, str], state: MessageState) -> None:
    (report,) = GUPSHUP.parse_status(by_get({"externalId": "1-1", **fields}), ACCOUNT)
    assert report.state is state
    assert (report.error is None) == (state is MessageState.DELIVERED)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"status": "DELIVERED"}, "externalId"),
        ({"externalId": "1"}, "status"),
        ({"externalId": "1", "status": "SUBMITTED"}, "status"),
        ({"externalId": "1", "status": "SUBMITTED", "errCode": "999"}, "status"),
    ],
)
def test_a_report_that_cannot_be_read_is_refused_by_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        GUPSHUP.parse_status(by_get(fields), ACCOUNT)
    assert refused.value.errors[0].field == field


def test_inbound_messages_need_their_fields_configured() -> None:
    with pytest.raises(InvalidInput, match=r"configuration.inbound: has to be configured"):
        GUPSHUP.parse_inbound(by_get({"from": "919812345678"}), ACCOUNT)


@pytest.mark.parametrize(
    ("given", "stored"), [("ACMEIN", "ACMEIN"), (" Acme2 ", "Acme2"), ("9812345678", "9812345678")]
)
def test_a_good_mask_is_stored(given: str, stored: str) -> None:
    (kind,) = GUPSHUP.capabilities.sender_kinds
    assert kind.check(given) == stored


@pytest.mark.parametrize("given", ["", "ACME IN", "ABCDEFGHI", "98123456789", "Größe"])
def test_a_bad_mask_is_refused_with_its_rule(given: str) -> None:
    (kind,) = GUPSHUP.capabilities.sender_kinds
    with pytest.raises(InvalidInput, match="at most 8 ASCII letters and digits"):
        kind.check(given)
