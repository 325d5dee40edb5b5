"""Telspiel keeps the contract of providers, in the simulator's codes: its own are not published."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.custom.callbacks import Receipts
from heliograph.providers.protocol import (
    Accepted,
    Account,
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    Refused,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.providers.shared.configured_reply import ReplyFields
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.telspiel import TelspielConfiguration, TelspielConnection, TelspielCredentials
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import Behaviour, ProviderContract, message
from tests.providers.gateway_peer import GatewayPeer, by_get

TELSPIEL = provider("telspiel")
CREDENTIALS = TelspielCredentials(username="AcmeApi", api_key="right")
REPLY = ReplyFields(
    format="json",
    id="0.reqid",
    code="0.code",
    success=("S000",),
    errors={
        "S401": ErrorClass.AUTH,
        "S402": ErrorClass.ACCOUNT,
        "S411": ErrorClass.RECIPIENT,
        "S412": ErrorClass.OPT_OUT,
        "S413": ErrorClass.SENDER,
        "S414": ErrorClass.CONTENT,
    },
)
RECEIPTS = Receipts(
    id="reqid",
    reference="custref",
    status="status",
    states={"SENT": "sent", "DELIVRD": "delivered", "UNDELIV": "undelivered", "REJECTD": "failed"},
    error_code="err",
)
CONFIGURATION = TelspielConfiguration(reply=REPLY, receipts=RECEIPTS, unicode_message_type="UNI")
ACCOUNT = Account(CREDENTIALS, CONFIGURATION)
HEADER = SenderAddress("header", "ACMEIN")


class TelspielPeer(GatewayPeer):
    """Its simulator."""

    provider = TELSPIEL
    account = ACCOUNT
    sender = HEADER
    account_name = "AcmeApi"
    codes: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "S411",
        Behaviour.KNOWS_OPT_OUT: "S412",
        Behaviour.REFUSES_SENDER: "S413",
        Behaviour.REFUSES_CONTENT: "S414",
        Behaviour.ERRS_IN_200: "S999",
    }
    statuses = (
        ("SENT", MessageState.SENT),
        ("DELIVRD", MessageState.DELIVERED),
        ("UNDELIV", MessageState.UNDELIVERED),
        ("REJECTD", MessageState.FAILED),
    )

    def report(self, status: str) -> Mapping[str, str]:
        """In the simulator's fields."""
        return {"reqid": "7", "custref": "Test", "status": status, "err": "30005"}


@pytest.fixture
def peer(simulator: SimulatorClient) -> TelspielPeer:
    """Telspiel with a clean simulator."""
    return TelspielPeer(simulator)


class TestTelspiel(ProviderContract):
    """The suite. A code that is not configured is in doubt, never a refusal."""

    cannot = frozenset({Behaviour.REFUSES_STRANGELY})
    checks_credentials = False


def connection(**changes: Any) -> TelspielConnection:
    """One that asks nobody."""
    configuration = TelspielConfiguration(**{"reply": REPLY, **changes})
    return TelspielConnection(CREDENTIALS, configuration, ConnectionOptions(timeout=1.0, callback_url=None))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'[{"code": "S777", "desc": "?"}]', 200),
        (b'[{"desc": "accepted", "reqid": "7"}]', 200),
        (b'[{"code": "S000", "desc": "accepted"}]', 200),
        (b'{"code": "S000", "reqid": "7"}', 200),
        (b"[]", 200),
        (b"accepted", 200),
        (b'[{"code": "S000", "reqid": "7"}]', 500),
        (b'[{"code": "S411"}]', 502),
        (b'[{"code": "S777"}]', 400),
        (b"", 302),
    ],
)
def test_only_a_configured_success_with_an_id_is_an_acceptance(body: bytes, status: int) -> None:
    assert isinstance(connection().outcome(HttpAnswer(status, body)), InDoubt)


def test_a_configured_code_has_its_class_whatever_the_http_status() -> None:
    for status in (200, 400):
        refused = connection().outcome(HttpAnswer(status, b'[{"code": "S411", "desc": "919812345678?"}]'))
        assert isinstance(refused, Refused)
        assert (refused.error.error_class, refused.error.code) == (ErrorClass.RECIPIENT, "S411")
    assert isinstance(connection().outcome(HttpAnswer(200, b'[{"code": "S402"}]')), NotProcessed)


def test_the_query_has_the_fields_that_clients_use() -> None:
    sent = message(to="+919812345678", body="Hi")
    request = connection(dlt={"entity_id": "1401"}).request(sent, HEADER, "1707")
    assert isinstance(request, HttpRequest)
    address, _, query = request.url.partition("?")
    assert (request.method, address, request.body) == ("GET", "https://api.telsp.in/pushapi/sendmsg", None)
    assert dict(pair.split("=") for pair in query.split("&")) == {
        "username": "AcmeApi",
        "apikey": "right",
        "entityid": "1401",
        "dest": "919812345678",
        "signature": "ACMEIN",
        "msgtype": "PM",
        "msgtxt": "Hi",
        "templateid": "1707",
        "custref": sent.reference,
    }


def test_unicode_needs_its_message_type() -> None:
    refused = connection().request(message(body="₹5"), HEADER, None)
    assert isinstance(refused, Refused)
    assert (refused.error.error_class, refused.error.code) == (ErrorClass.CONTENT, "no_unicode")
    told = connection(unicode_message_type="UNI").request(message(body="₹5"), HEADER, None)
    assert isinstance(told, HttpRequest)
    assert "msgtype=UNI" in told.url


async def test_a_form_can_be_posted_instead(simulator: SimulatorClient) -> None:
    configuration = CONFIGURATION.model_copy(update={"method": "POST"})
    opened = TelspielPeer(simulator).open(account=Account(CREDENTIALS, configuration))
    assert isinstance(await opened.send(message(), HEADER), Accepted)
    await opened.aclose()


async def test_a_white_label_in_a_private_place_is_refused() -> None:
    opened = connection(url="http://127.0.0.1:1/pushapi/sendmsg")
    with pytest.raises(InvalidInput, match=r"configuration.url"):
        await opened.check_credentials()
    outcome = await opened.send(message(body="Hi"), HEADER)
    assert isinstance(outcome, NotProcessed)
    assert (outcome.error.error_class, outcome.error.code) == (ErrorClass.ACCOUNT, "private_address")
    await opened.aclose()


async def test_a_white_label_that_the_operator_lists_is_reached(simulator: SimulatorClient) -> None:
    host = simulator.url.removeprefix("http://")
    url = f"{simulator.url}/telspiel/pushapi/sendmsg"
    configuration = CONFIGURATION.model_copy(update={"url": url})
    options = ConnectionOptions(timeout=5.0, callback_url=None, reachable={host})
    opened = TelspielConnection(CREDENTIALS, configuration, options)
    await opened.check_credentials()
    assert isinstance(await opened.send(message(), HEADER), Accepted)
    late = await opened.send(message(seconds=-0.001), HEADER)
    assert isinstance(late, NotProcessed)
    assert late.error.code == "lease_expired"
    await opened.aclose()
    assert isinstance(await opened.send(message(), HEADER), NotProcessed)


@pytest.mark.parametrize(
    "url", ["ftp://api.telsp.in/x", "api.telsp.in/x", "https://a:b@c.example/", "https://c.example/?x=1"]
)
def test_a_bad_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        TelspielConfiguration(reply=REPLY, url=url)


def test_the_reply_has_to_be_told() -> None:
    with pytest.raises(ValidationError, match=r"reply has to be configured: .* ask your account manager"):
        TelspielConfiguration.model_validate({})


def test_a_report_may_name_our_reference() -> None:
    ours = new_id()
    fields = {"reqid": "7", "custref": f"{ours}.1", "status": "DELIVRD"}
    (report,) = TELSPIEL.parse_status(by_get(fields), ACCOUNT)
    assert report.reference == (ours, 1)
