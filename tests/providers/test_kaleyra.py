"""Kaleyra keeps the contract of providers; what it says, and what it means."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, NotFound, Unauthenticated, UpstreamFailed
from heliograph.ids import new_id
from heliograph.providers.kaleyra.connection import KaleyraConnection
from heliograph.providers.kaleyra.models import KaleyraConfiguration, KaleyraCredentials
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
from heliograph.providers.shared.http import HttpAnswer
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Delivery, Failure, Script
from tests.providers.contract import Behaviour, ProviderContract, message
from tests.providers.gateway_peer import CALLBACK_URL, GatewayPeer, by_get

KALEYRA = provider("kaleyra")
SID = "HXIN1234567890IN"
CREDENTIALS = KaleyraCredentials(account_sid=SID, api_key="Aright")
CONFIGURATION = KaleyraConfiguration(
    region="in", errors={"RBC101": ErrorClass.ACCOUNT, "RBC105": ErrorClass.OPT_OUT}, callback_profile_id="IN_1"
)
ACCOUNT = Account(CREDENTIALS, CONFIGURATION)
SENDER = SenderAddress("transactional", "ACMEIN")


class KaleyraPeer(GatewayPeer):
    """Its simulator."""

    provider = KALEYRA
    account = ACCOUNT
    sender = SENDER
    account_name = SID
    codes: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "RBC102",
        Behaviour.KNOWS_OPT_OUT: "RBC105",
        Behaviour.REFUSES_SENDER: "RBC103",
        Behaviour.REFUSES_CONTENT: "RBC104",
        Behaviour.REFUSES_STRANGELY: "RBC999",
    }
    statuses = (
        ("SUBMITTED", MessageState.ACCEPTED),
        ("ENROUTE", MessageState.SENT),
        ("Sent", MessageState.SENT),
        ("SENT - NO DLR", MessageState.SENT),
        ("Delivered", MessageState.DELIVERED),
        ("DELIVRD", MessageState.DELIVERED),
        ("UnDelivered", MessageState.UNDELIVERED),
        ("Undelivered", MessageState.UNDELIVERED),
        ("EXPIRED", MessageState.UNDELIVERED),
        ("Failed", MessageState.FAILED),
        ("NotSent", MessageState.FAILED),
        ("NOT-SENT", MessageState.FAILED),
    )

    def report(self, status: str) -> Mapping[str, str]:
        """The fields of the callback profile."""
        return {"id": "d0b238ef-0dd5-4c82-8b9b-ec22b1f6040e:1", "status": status, "status_trace": "INVALID-SUB"}


@pytest.fixture
def peer(simulator: SimulatorClient) -> KaleyraPeer:
    """Kaleyra with a clean simulator."""
    return KaleyraPeer(simulator)


class TestKaleyra(ProviderContract):
    """The suite."""

    cannot = frozenset({Behaviour.ERRS_IN_200})


def connection(configuration: KaleyraConfiguration = CONFIGURATION) -> KaleyraConnection:
    """One that asks nobody."""
    return KaleyraConnection(CREDENTIALS, configuration, ConnectionOptions(timeout=1.0, callback_url=None))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"id": "d0", "data": [{"message_id": "d0:1", "recipient": "91"}], "error": {}}, "d0:1"),
        ({"data": [{"message_id": "d0:1"}]}, "d0:1"),
        ({"code": "202", "data": [{"message_id": "d0:1"}], "error": None}, "d0:1"),
    ],
)
def test_an_empty_error_is_none(content: dict[str, Any], found: str) -> None:
    assert connection().outcome(HttpAnswer(202, orjson.dumps(content))) == Accepted(found, "accepted")


@pytest.mark.parametrize(
    ("content", "kind", "error_class"),
    [
        ({"code": "E1", "message": "to 919812345678 is invalid", "error": {"to": "x"}}, Refused, ErrorClass.RECIPIENT),
        ({"code": "E1", "message": "", "error": {"sender": "x"}}, Refused, ErrorClass.SENDER),
        ({"code": "E1", "error": {"template_id": "x"}}, Refused, ErrorClass.CONTENT),
        ({"code": "RBC101", "error": {"sender": "x"}}, NotProcessed, ErrorClass.ACCOUNT),
        ({"code": 7, "error": {"odd": "x"}}, Refused, ErrorClass.OTHER),
        ({"error": "failed"}, Refused, ErrorClass.OTHER),
    ],
)
def test_an_error_names_what_it_is_about(content: dict[str, Any], kind: type, error_class: ErrorClass) -> None:
    for status in (200, 400):
        outcome = connection().outcome(HttpAnswer(status, orjson.dumps(content)))
        assert isinstance(outcome, kind)
        assert isinstance(outcome, Refused | NotProcessed)
        assert outcome.error.error_class is error_class
        assert "9198" not in outcome.error.message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"id": "d0", "error": {}}', 202),
        (b'{"data": [{"message_id": 5}]}', 202),
        (b'{"data": []}', 202),
        (b"<html>", 200),
        (b"[]", 200),
        (b'{"error": {"to": "x"}}', 500),
        (b"", 400),
        (b"", 302),
    ],
)
def test_what_names_no_message_is_in_doubt(body: bytes, status: int) -> None:
    assert isinstance(connection().outcome(HttpAnswer(status, body)), InDoubt)


def test_where_the_id_stands_can_be_configured() -> None:
    configuration = KaleyraConfiguration(region="in", message_id="result.id")
    answer = HttpAnswer(202, b'{"result": {"id": "d0"}}')
    assert connection(configuration).outcome(answer) == Accepted("d0", "accepted")


@pytest.mark.parametrize(("kind", "route"), [("transactional", "TXN"), ("promotional", "MKT"), ("otp", "OTP")])
async def test_the_senders_kind_is_the_route(simulator: SimulatorClient, kind: str, route: str) -> None:
    opened = connection()
    sent = message(to="+919812345678", body="Hello")
    request = opened.request(sent, SenderAddress(kind, "ACMEIN"), "1107")
    assert request.url == f"https://api.in.kaleyra.io/v1/{SID}/sms"
    assert request.headers["api-key"] == "Aright"
    form = dict(pair.split("=") for pair in (request.body or b"").decode().split("&"))
    assert (form["type"], form["template_id"], form["callback_profile_id"]) == (route, "1107", "IN_1")
    assert (form["ref_custom"], form["unicode"]) == (sent.reference, "Auto")


async def test_a_failed_delivery_is_polled_with_its_reason(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(delivery=Delivery(delivered=0, undelivered={30005: 1})))
    peer = KaleyraPeer(simulator)
    opened = peer.open()
    outcome = await opened.send(message(), SENDER)
    assert isinstance(outcome, Accepted)
    report = await opened.poll(outcome.provider_message_id)
    while report.state is MessageState.SENT:
        report = await opened.poll(outcome.provider_message_id)
    assert report.state is MessageState.UNDELIVERED
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (ErrorClass.RECIPIENT, "INVALID-SUB")
    with pytest.raises(NotFound):
        await opened.poll("d0b238ef-0dd5-4c82-8b9b-ec22b1f6040e:1")
    await simulator.set_script(Script(accounts={SID: AccountScript(failure=Failure(status=500))}))
    with pytest.raises(UpstreamFailed):
        await opened.poll(outcome.provider_message_id)
    await simulator.set_script(Script(accounts={SID: AccountScript(auth_token="another")}))
    with pytest.raises(Unauthenticated):
        await opened.poll(outcome.provider_message_id)
    await opened.aclose()


def test_a_callback_may_name_our_reference() -> None:
    ours = new_id()
    body = orjson.dumps({"id": "d0:1", "reference": f"{ours}.2", "status": "Delivered"})
    (report,) = KALEYRA.parse_status(ProviderRequest("POST", CALLBACK_URL, {}, body), ACCOUNT)
    assert report.reference == (ours, 2)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"id": "d0:1"}, "status"), ({"status": "Sent"}, "id"), ({"id": "d0:1", "status": "LOST"}, "status")],
)
def test_a_callback_that_cannot_be_read_is_refused_by_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        KALEYRA.parse_status(by_get(fields), ACCOUNT)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize(
    ("trace", "error_class"),
    [
        ("OPT-OUT", ErrorClass.OPT_OUT),
        ("opt-out", ErrorClass.OPT_OUT),
        ("NO-CREDITS", ErrorClass.ACCOUNT),
        ("MOB-OFF", ErrorClass.DELIVERY),
        ("SOMETHING-ELSE", ErrorClass.DELIVERY),
        ("", ErrorClass.DELIVERY),
    ],
)
def test_a_trace_code_has_its_class(trace: str, error_class: ErrorClass) -> None:
    fields = {"id": "d0:1", "status": "UnDelivered", "status_trace": trace}
    (report,) = KALEYRA.parse_status(by_get(fields), ACCOUNT)
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (error_class, trace or "UnDelivered")


def test_a_callback_can_be_made_to_carry_a_password() -> None:
    credentials = KaleyraCredentials(
        account_sid=SID, api_key="Aright", callback_username="kaleyra", callback_password="pässword"
    )
    account = Account(credentials, CONFIGURATION)

    def called(authorization: str | None) -> bool:
        headers = {} if authorization is None else {"authorization": authorization}
        return KALEYRA.verify(ProviderRequest("POST", CALLBACK_URL, headers, b"{}"), account)

    assert called("Basic " + b64encode("kaleyra:pässword".encode()).decode())
    assert not called("Basic " + b64encode(b"kaleyra:another").decode())
    assert not called("Bäsic")
    assert not called(None)
    with pytest.raises(ValidationError, match="given together"):
        KaleyraCredentials(account_sid=SID, api_key="Aright", callback_username="kaleyra")


def test_an_inbound_message_is_read_in_the_fields_of_kaleyras_example() -> None:
    body = orjson.dumps({"id": "90e7", "source": "919812345678", "recipient": "+919800000000", "message": "STOP"})
    (inbound,) = KALEYRA.parse_inbound(ProviderRequest("POST", CALLBACK_URL, {}, body), ACCOUNT)
    assert (inbound.address, inbound.to, inbound.body) == ("+919812345678", "+919800000000", "STOP")


def test_the_region_has_to_be_told() -> None:
    with pytest.raises(ValidationError, match=r"region has to be configured: .* ask your account manager"):
        KaleyraConfiguration.model_validate({})
