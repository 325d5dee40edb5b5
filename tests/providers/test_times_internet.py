"""Times Internet keeps the contract of providers, in the simulator's words: its own are not published."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.custom.callbacks import Receipts
from heliograph.providers.protocol import Accepted, Account, ConnectionOptions, InDoubt, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.shared.configured_reply import ReplyFields
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.times_internet import TimesConfiguration, TimesConnection, TimesCredentials
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import Behaviour, ProviderContract, message
from tests.providers.gateway_peer import GatewayPeer, by_get

TIMES = provider("times_internet")
CREDENTIALS = TimesCredentials(username="acme", password="right")
REPLY = ReplyFields(
    format="json",
    id="transactionId",
    code="statusCode",
    success=("200",),
    errors={
        "T01": ErrorClass.AUTH,
        "T02": ErrorClass.ACCOUNT,
        "T03": ErrorClass.RECIPIENT,
        "T04": ErrorClass.OPT_OUT,
        "T05": ErrorClass.SENDER,
        "T06": ErrorClass.CONTENT,
    },
)
RECEIPTS = Receipts(
    id="txid",
    reference="corelationid",
    status="deliverystatus",
    states={"SUBMITTED": "sent", "DELIVERED": "delivered", "UNDELIVERED": "undelivered", "FAILED": "failed"},
    error_code="cause",
)
ACCOUNT = Account(CREDENTIALS, TimesConfiguration(reply=REPLY, receipts=RECEIPTS))
HEADER = SenderAddress("header", "ACMEIN")


class TimesPeer(GatewayPeer):
    """Its simulator."""

    provider = TIMES
    account = ACCOUNT
    sender = HEADER
    account_name = "acme"
    codes: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "T03",
        Behaviour.KNOWS_OPT_OUT: "T04",
        Behaviour.REFUSES_SENDER: "T05",
        Behaviour.REFUSES_CONTENT: "T06",
        Behaviour.ERRS_IN_200: "T99",
    }
    statuses = (
        ("SUBMITTED", MessageState.SENT),
        ("DELIVERED", MessageState.DELIVERED),
        ("UNDELIVERED", MessageState.UNDELIVERED),
        ("FAILED", MessageState.FAILED),
    )

    def report(self, status: str) -> Mapping[str, str]:
        """In the simulator's fields."""
        return {"txid": "7", "deliverystatus": status, "cause": "30005"}


@pytest.fixture
def peer(simulator: SimulatorClient) -> TimesPeer:
    """Times Internet with a clean simulator."""
    return TimesPeer(simulator)


class TestTimesInternet(ProviderContract):
    """The suite. A code that is not configured is in doubt, never a refusal."""

    cannot = frozenset({Behaviour.REFUSES_STRANGELY})
    checks_credentials = False


def connection(**changes: Any) -> TimesConnection:
    """One that asks nobody."""
    configuration = TimesConfiguration(**{"reply": REPLY, **changes})
    return TimesConnection(CREDENTIALS, configuration, ConnectionOptions(timeout=1.0, callback_url=None))


@pytest.mark.parametrize(("body", "unicode"), [("Hello", "false"), ("₹5", "true")])
def test_the_request_is_as_clevertap_documents_it(body: str, unicode: str) -> None:
    sent = message(to="+919812345678", body=body)
    request = connection().request(sent, HEADER, "1107")
    assert (request.method, request.url) == ("POST", "https://bsms.timesapi.in/ct/api/v1/message")
    assert request.headers["Authorization"] == "Basic YWNtZTpyaWdodA=="
    assert orjson.loads(request.body or b"") == {
        "username": "acme",
        "password": "right",
        "unicode": unicode,
        "from": "ACMEIN",
        "to": "919812345678",
        "text": body,
        "dltContentId": "1107",
        "corelationid": sent.reference,
    }


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ({"format": "json", "id": "id"}, b'{"id": 7}'),
        (
            {"format": "xml", "id": "message/@id", "code": "state", "success": ["ok"]},
            b"<r><message id='7'/><state>ok</state></r>",
        ),
        ({"format": "text", "id": "1", "separator": ":"}, b"SUBMIT_SUCCESS: 7"),
    ],
)
def test_whatever_the_reply_is_written_in_its_id_is_found(reply: dict[str, Any], body: bytes) -> None:
    outcome = connection(reply=reply).outcome(HttpAnswer(200, body))
    assert isinstance(outcome, Accepted)
    assert outcome.provider_message_id == "7"


@pytest.mark.parametrize("body", [b"{}", b'{"id": ""}', b'{"id": null}', b'{"id": [1]}', b'{"id": true}', b"7", b""])
def test_a_reply_without_an_id_is_in_doubt(body: bytes) -> None:
    assert isinstance(connection(reply={"format": "json", "id": "id"}).outcome(HttpAnswer(200, body)), InDoubt)


def test_a_report_may_name_our_reference_alone() -> None:
    ours = new_id()
    (report,) = TIMES.parse_status(by_get({"corelationid": f"{ours}.1", "deliverystatus": "DELIVERED"}), ACCOUNT)
    assert (report.reference, report.provider_message_id) == ((ours, 1), "")


def test_the_reply_has_to_be_told() -> None:
    with pytest.raises(ValidationError, match=r"reply has to be configured: .* ask your account manager"):
        TimesConfiguration.model_validate({"dlt": {}})


@pytest.mark.parametrize("given", ["ACME", "ACMEINDIA", "ACM-IN", ""])
def test_a_header_has_six_characters(given: str) -> None:
    (kind,) = TIMES.capabilities.sender_kinds
    with pytest.raises(InvalidInput, match=r"letters and digits|6 characters"):
        kind.check(given)
