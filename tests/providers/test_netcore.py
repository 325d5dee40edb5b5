"""Netcore SMS keeps the contract of providers; what it says, and what it means."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, InvalidInput
from heliograph.providers.custom.callbacks import Receipts
from heliograph.providers.netcore import NetcoreConfiguration, NetcoreConnection, NetcoreCredentials
from heliograph.providers.protocol import (
    Accepted,
    Account,
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    Outcome,
    Refused,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import Behaviour, ProviderContract, message
from tests.providers.gateway_peer import GatewayPeer, by_get

NETCORE = provider("netcore")
CREDENTIALS = NetcoreCredentials(username="9800000000", password="right")
RECEIPTS = Receipts(
    id="reqid",
    status="status",
    states={"DELIVERED": "delivered", "UNDELIVERED": "undelivered", "FAILED": "failed"},
    error_code="errorcode",
)
CONFIGURATION = NetcoreConfiguration(
    errors={"901": ErrorClass.AUTH, "902": ErrorClass.SENDER, "903": ErrorClass.OPT_OUT}, receipts=RECEIPTS
)
ACCOUNT = Account(CREDENTIALS, CONFIGURATION)
FEED, HEADER = SenderAddress("feed", "354979"), SenderAddress("header", "ACMEIN")


class NetcorePeer(GatewayPeer):
    """Its simulator."""

    provider = NETCORE
    account = ACCOUNT
    sender = FEED
    account_name = "9800000000"
    codes: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "120",
        Behaviour.KNOWS_OPT_OUT: "903",
        Behaviour.REFUSES_SENDER: "902",
        Behaviour.REFUSES_CONTENT: "106",
        Behaviour.REFUSES_STRANGELY: "999",
    }
    statuses = (
        ("DELIVERED", MessageState.DELIVERED),
        ("UNDELIVERED", MessageState.UNDELIVERED),
        ("FAILED", MessageState.FAILED),
    )

    def report(self, status: str) -> Mapping[str, str]:
        """In the simulator's fields."""
        return {"reqid": "26594621211", "status": status, "errorcode": "30005"}


@pytest.fixture
def peer(simulator: SimulatorClient) -> NetcorePeer:
    """Netcore with a clean simulator."""
    return NetcorePeer(simulator)


class TestNetcore(ProviderContract):
    """The suite."""

    cannot = frozenset({Behaviour.ERRS_IN_200})
    checks_credentials = False


def connection(configuration: NetcoreConfiguration = CONFIGURATION) -> NetcoreConnection:
    """One that asks nobody."""
    return NetcoreConnection(CREDENTIALS, configuration, ConnectionOptions(timeout=1.0, callback_url=None))


def answered(body: str, configuration: NetcoreConfiguration = CONFIGURATION, status: int = 200) -> Outcome:
    """What an answer becomes."""
    return connection(configuration).outcome(HttpAnswer(status, body.encode()))


ACCEPTED = """<!DOCTYPE RESULT SYSTEM 'http://bulkpush.mytoday.com/BulkSms/BulkSmsRespV1.01.dtd'>
<RESULT REQID ='26594621211'><MID SUBMITDATE='2026-03-13 17:58:18' ID='1' TAG = 'null' TID = '72557805060'>
</MID></RESULT>"""


def test_either_id_of_the_reply_can_be_the_one_that_reports_name() -> None:
    assert answered(ACCEPTED) == Accepted("26594621211", "accepted")
    assert answered(ACCEPTED, NetcoreConfiguration(message_id="TID")) == Accepted("72557805060", "accepted")


@pytest.mark.parametrize(
    ("body", "kind", "error_class"),
    [
        (
            "<RESULT><REQUEST-ERROR><ERROR><CODE>104</CODE><DESC>x</DESC></ERROR></REQUEST-ERROR></RESULT>",
            NotProcessed,
            ErrorClass.ACCOUNT,
        ),
        (
            "<RESULT REQID='3'><MID ID='1'><ERROR><CODE>106</CODE></ERROR></MID></RESULT>",
            Refused,
            ErrorClass.CONTENT,
        ),
        (
            "<RESULT REQID='3'><MID ID='1' TID='7'><ERROR INDEX='1'><ERROR><CODE>120</CODE>"
            "<DESC>Invalid mobile number - 908206743</DESC></ERROR></ERROR></MID></RESULT>",
            Refused,
            ErrorClass.RECIPIENT,
        ),
        (
            "<RESULT><REQUEST-ERROR><ERROR><CODE>901</CODE><DESC>of 908206743</DESC></ERROR></REQUEST-ERROR></RESULT>",
            NotProcessed,
            ErrorClass.AUTH,
        ),
        (
            "<RESULT><REQUEST-ERROR><ERROR><CODE>777</CODE><DESC>of 908206743</DESC></ERROR></REQUEST-ERROR></RESULT>",
            Refused,
            ErrorClass.OTHER,
        ),
    ],
)
def test_an_error_within_200_has_its_class(body: str, kind: type, error_class: ErrorClass) -> None:
    outcome = answered(body)
    assert isinstance(outcome, kind)
    assert isinstance(outcome, Refused | NotProcessed)
    assert outcome.error.error_class is error_class
    assert "9082" not in outcome.error.message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("<RESULT REQID='3'></RESULT>", 200),
        ("<RESULT><MID TID='7'></MID></RESULT>", 200),
        ("<RESULT REQID=''><MID TID='7'></MID></RESULT>", 200),
        ("<RESULT REQID='3'><MID TID='7'>", 200),
        ("OK", 200),
        ("", 200),
        ('<!DOCTYPE r [<!ENTITY a "aa">]><RESULT REQID="&a;"><MID/></RESULT>', 200),
        (ACCEPTED, 500),
        (ACCEPTED, 302),
        ("not found", 404),
    ],
)
def test_what_is_no_clear_word_is_in_doubt(body: str, status: int) -> None:
    assert isinstance(answered(body, status=status), InDoubt)


def _form(request: HttpRequest | Refused) -> dict[str, str]:
    assert isinstance(request, HttpRequest)
    return dict(pair.split("=") for pair in (request.body or b"").decode().split("&"))


def test_a_feed_stands_for_itself_and_a_header_goes_through_the_configured_one() -> None:
    sent = message(to="+919812345678", body="Hello")
    form = _form(connection().request(sent, FEED, "1107"))
    assert (form["feedid"], form["To"], form["Text"], form["templateid"]) == ("354979", "919812345678", "Hello", "1107")
    assert "senderid" not in form
    form = _form(connection(NetcoreConfiguration(feed_id="1")).request(sent, HEADER, None))
    assert (form["feedid"], form["senderid"]) == ("1", "ACMEIN")
    refused = connection().request(sent, HEADER, None)
    assert isinstance(refused, Refused)
    assert refused.error.code == "no_feed"


async def test_a_header_without_a_feed_is_refused_when_it_is_saved() -> None:
    with pytest.raises(BadRequest) as refused:
        await connection().check_sender(HEADER)
    assert refused.value.errors[0].field == "configuration.feed_id"
    await connection().check_sender(FEED)
    await connection(NetcoreConfiguration(feed_id="1")).check_sender(HEADER)


async def test_an_api_key_goes_along_as_a_header(simulator: SimulatorClient) -> None:
    credentials = NetcoreCredentials(username="9800000000", api_key="key")
    opened = NetcorePeer(simulator).open(account=Account(credentials, CONFIGURATION))
    assert isinstance(await opened.send(message(), FEED), Accepted)
    await opened.aclose()


def test_reports_are_refused_until_their_fields_are_configured() -> None:
    account = Account(CREDENTIALS, NetcoreConfiguration())
    with pytest.raises(InvalidInput, match=r"configuration.receipts: has to be configured: .* account manager"):
        NETCORE.parse_status(by_get({"reqid": "1", "status": "DELIVERED"}), account)


@pytest.mark.parametrize(
    ("kind", "given", "rule"),
    [
        ("feed", "35x", "digits alone"),
        ("feed", "", "digits alone"),
        ("header", "AC ME", "letters and digits"),
        ("header", "ABCDEFGHIJKL", "1 to 11 characters"),
    ],
)
def test_a_bad_sender_is_refused_with_its_rule(kind: str, given: str, rule: str) -> None:
    kinds = {each.key: each for each in NETCORE.capabilities.sender_kinds}
    with pytest.raises(InvalidInput, match=rule):
        kinds[kind].check(given)
