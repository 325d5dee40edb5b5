"""Netcore e-mail keeps the contract of providers; its errors are told apart by configuration."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import orjson
import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.netcore_email import NetcoreEmailConfiguration, NetcoreEmailCredentials
from heliograph.providers.protocol import (
    Accepted,
    Account,
    EmailContent,
    OutgoingMessage,
    ProviderRequest,
    Refused,
    StatusReport,
)
from heliograph.providers.registry import provider
from heliograph.providers.shared.email_text import as_html
from heliograph.simulator.client import SimulatorClient
from tests.providers.contract import Behaviour, ProviderContract
from tests.providers.mail_gateway_peer import API_KEY, CALLBACK_URL, SENDER, MailGatewayPeer, events
from tests.providers.smtp.peer import email

NETCORE = provider("netcore_email")
CONFIGURATION = NetcoreEmailConfiguration(
    errors={
        "recipient": ErrorClass.RECIPIENT,
        "unsubscribed": ErrorClass.OPT_OUT,
        "sending domain": ErrorClass.SENDER,
        "content": ErrorClass.CONTENT,
        "suspended": ErrorClass.ACCOUNT,
    }
)
ACCOUNT = Account(NetcoreEmailCredentials(api_key=API_KEY), CONFIGURATION)


class NetcorePeer(MailGatewayPeer):
    """Its simulator."""

    provider = NETCORE
    account = ACCOUNT
    words: ClassVar[Mapping[Behaviour, str]] = {
        Behaviour.REFUSES_RECIPIENT: "Invalid recipient ann@example.com",
        Behaviour.KNOWS_OPT_OUT: "Unsubscribed",
        Behaviour.REFUSES_SENDER: "Unknown sending domain",
        Behaviour.REFUSES_CONTENT: "Content is not allowed",
        Behaviour.SUSPENDED: "Account suspended",
        Behaviour.REFUSES_STRANGELY: "What?",
    }


@pytest.fixture
def peer(simulator: SimulatorClient) -> NetcorePeer:
    """Netcore with a clean simulator."""
    return NetcorePeer(simulator)


class TestNetcoreEmail(ProviderContract):
    """The suite."""

    checks_credentials = False

    def message(
        self, *, to: str = "ann@example.com", body: str = "Grüße, Ann 😀", seconds: float = 30.0
    ) -> OutgoingMessage:
        """A mail."""
        return email(to=to, body=body, seconds=seconds)


def reports(
    *given: Mapping[str, object], configuration: NetcoreEmailConfiguration = CONFIGURATION
) -> list[StatusReport]:
    return list(NETCORE.parse_status(events(*given), replace(ACCOUNT, configuration=configuration)))


async def test_a_mail_is_one_recipients_alone_and_carries_our_reference(peer: NetcorePeer) -> None:
    await peer.behave(Behaviour.ACCEPTS)
    connection = peer.open()
    message = email()
    outcome = await connection.send(message, SENDER)
    await connection.aclose()
    assert isinstance(outcome, Accepted)
    (taken,) = [each async for each in peer.simulator.accepted_messages()]
    assert (taken.to, taken.sender, taken.sid) == ("ann@example.com", "news@shop.example", outcome.provider_message_id)
    assert orjson.loads(taken.reference) == {"heliograph": message.reference}
    assert taken.body == "<p>Grüße, Ann 😀</p>"


async def test_a_header_that_is_none_is_refused_unsent(peer: NetcorePeer) -> None:
    await peer.behave(Behaviour.ACCEPTS)
    connection = peer.open()
    outcome = await connection.send(replace(email(), email=EmailContent("Hi\r\nBcc: x@y.example")), SENDER)
    await connection.aclose()
    assert isinstance(outcome, Refused)
    assert await peer.accepted() == 0


def test_a_text_alone_becomes_html() -> None:
    assert as_html('1 < 2 & "so"\nyes') == '1 &lt; 2 &amp; "so"<br>\nyes'


def test_an_empty_array_tries_the_address_and_says_nothing() -> None:
    assert reports() == []


@pytest.mark.parametrize("wrapped", ["{0}", '{{"heliograph": "{0}"}}', '"{{\\"heliograph\\": \\"{0}\\"}}"'])
def test_our_reference_is_found_however_it_is_wrapped(wrapped: str) -> None:
    message = new_id()
    (report,) = reports({"EVENT": "sent", "TRANSID": 15, "X-APIHEADER": wrapped.format(f"{message}.1")})
    assert (report.reference, report.provider_message_id) == ((message, 1), "15")


def test_both_spellings_are_read() -> None:
    words = ["open", "opened", "click", "clicked", "bounce", "bounced", "drop", "dropped", "unsub", "unsubscribed"]
    found = reports(*({"event": word, "transid": "15"} for word in words))
    assert [report.state for report in found[::2]] == [report.state for report in found[1::2]]


@pytest.mark.parametrize(
    ("event", "error_class"),
    [
        ({"EVENT": "invalid"}, ErrorClass.RECIPIENT),
        ({"EVENT": "bounced", "RESPONSE": "550 5.1.1 <ann@example.com> unknown"}, ErrorClass.RECIPIENT),
        ({"EVENT": "bounced", "RESPONSE": "552 5.2.2 full"}, ErrorClass.DELIVERY),
        ({"EVENT": "bounced", "RESPONSE": "no route"}, ErrorClass.DELIVERY),
        ({"EVENT": "bounced"}, ErrorClass.DELIVERY),
        ({"EVENT": "dropped"}, ErrorClass.DELIVERY),
        ({"EVENT": "spam"}, ErrorClass.OPT_OUT),
        ({"EVENT": "unsubscribed"}, ErrorClass.OPT_OUT),
    ],
)
def test_an_event_says_whether_the_address_is_dead_or_wants_no_more(
    event: Mapping[str, object], error_class: ErrorClass
) -> None:
    (report,) = reports({"TRANSID": 15, **event})
    assert report.error is not None
    assert report.error.error_class is error_class
    assert "ann@" not in report.error.message


def test_sent_is_a_delivery_only_where_that_is_configured() -> None:
    told = CONFIGURATION.model_copy(update={"sent_is_delivered": True})
    sent = {"EVENT": "sent", "TRANSID": 15, "TIMESTAMP": 1763720000}
    (one,), (other,) = reports(sent), reports(sent, configuration=told)
    assert (one.state, other.state) == (MessageState.SENT, MessageState.DELIVERED)
    assert one.occurred_at is not None


def test_a_word_that_nobody_knows_changes_nothing() -> None:
    (report,) = reports({"EVENT": "pondered", "TRANSID": 15, "TIMESTAMP": "soon"})
    assert (report.state, report.provider_status, report.occurred_at) == (MessageState.ACCEPTED, "pondered", None)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "JSON array"),
        (b"{}", "JSON array"),
        (b"[1]", r"body.0: is an object"),
        (b'[{"TRANSID": 1}]', r"body.0.EVENT: is missing"),
        (b'[{"EVENT": "sent"}]', r"body.0.TRANSID: is missing"),
        (b'[{"EVENT": ["sent"], "TRANSID": 1}]', r"body.0.EVENT: is a text"),
        (b'[{"EVENT": "sent", "TRANSID": true}]', r"body.0.TRANSID: is a text"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "at most 1000"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(body: bytes, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        NETCORE.parse_status(ProviderRequest("POST", CALLBACK_URL, {}, body), ACCOUNT)


def test_only_netcores_own_hosts_are_written_to() -> None:
    with pytest.raises(ValidationError, match="host"):
        NetcoreEmailConfiguration.model_validate({"host": "https://127.0.0.1"})
