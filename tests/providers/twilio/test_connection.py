"""What Twilio is asked besides sending, against the real simulator process."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import Accepted, ConnectionOptions, InDoubt, NotProcessed, Refused, SenderAddress
from heliograph.providers.twilio.connection import TwilioConnection, TwilioCredentials
from heliograph.simulator.accounts import (
    DEMO_ACCOUNT_SID,
    DEMO_AUTH_TOKEN,
    DEMO_MESSAGING_SERVICE,
    DEMO_SHORT_CODE,
    REFUSED_AUTH_TOKEN,
    UNKNOWN_LONG_CODE,
)
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Delivery, Failure, Fixed, Receipts, Script
from heliograph.stack.ports import free_port
from tests.providers.contract import NUMBER, Behaviour, message
from tests.providers.twilio.peer import CREDENTIALS, LONG_CODE, TwilioPeer
from tests.simulator.process import running_simulator

SERVICE = SenderAddress("messaging_service", DEMO_MESSAGING_SERVICE)


def connect(url: str, *, token: str = DEMO_AUTH_TOKEN) -> TwilioConnection:
    """A connection with these credentials."""
    credentials = TwilioCredentials(account_sid=DEMO_ACCOUNT_SID, auth_token=SecretStr(token))
    return TwilioConnection(credentials, ConnectionOptions(5.0, None, simulator_url=url))


async def test_right_credentials_pass(peer: TwilioPeer) -> None:
    connection = peer.open()
    await connection.check_credentials()
    await connection.aclose()


async def test_wrong_credentials_are_refused_in_the_words_of_the_requirement(simulator: SimulatorClient) -> None:
    connection = connect(simulator.url, token=REFUSED_AUTH_TOKEN)
    with pytest.raises(Unauthenticated, match=r"^Invalid Twilio SID and/or Auth token$"):
        await connection.check_credentials()
    with pytest.raises(Unauthenticated):
        await connection.check_sender(LONG_CODE)
    await connection.aclose()


async def test_a_suspended_account_is_named_as_such(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: AccountScript(status="suspended")}))
    connection = connect(simulator.url)
    with pytest.raises(BadRequest, match="The Twilio account is suspended"):
        await connection.check_credentials()
    await connection.aclose()


async def test_a_failure_at_twilio_is_told_in_the_words_of_the_requirement(simulator: SimulatorClient) -> None:
    failing = AccountScript(failure=Failure(status=503, times=2))
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: failing}))
    connection = connect(simulator.url)
    for _ in range(2):
        with pytest.raises(UpstreamFailed, match=r"^An unexpected error occurred at Twilio\.$"):
            await connection.check_credentials()
    await connection.check_credentials()
    await connection.aclose()


async def test_a_twilio_that_cannot_be_reached_is_a_failure_too(peer: TwilioPeer) -> None:
    connection = peer.open(unreachable=True)
    with pytest.raises(UpstreamFailed):
        await connection.check_credentials()
    await connection.aclose()


@pytest.mark.parametrize(
    "sender",
    [LONG_CODE, SERVICE, SenderAddress("short_code", DEMO_SHORT_CODE), SenderAddress("alphanumeric", "Acme")],
)
async def test_senders_of_the_account_are_known(peer: TwilioPeer, sender: SenderAddress) -> None:
    connection = peer.open()
    await connection.check_sender(sender)
    await connection.aclose()


@pytest.mark.parametrize(
    "sender",
    [
        SenderAddress("long_code", UNKNOWN_LONG_CODE),
        SenderAddress("short_code", "55404"),
        SenderAddress("messaging_service", "MG00404"),
    ],
)
async def test_senders_of_others_are_refused_in_the_words_of_the_requirement(
    peer: TwilioPeer, sender: SenderAddress
) -> None:
    connection = peer.open()
    with pytest.raises(BadRequest, match=r"^Invalid Twilio Details$") as refused:
        await connection.check_sender(sender)
    assert refused.value.errors[0].field == "address"
    await connection.aclose()


async def test_the_balance_is_money(simulator: SimulatorClient) -> None:
    account = AccountScript(balance="12.34", currency="EUR")
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: account}))
    connection = connect(simulator.url)
    balance = await connection.balance()
    assert (balance.amount, balance.currency) == (Decimal("12.34"), "EUR")
    await connection.aclose()


async def test_an_accepted_message_can_be_polled_until_its_end(peer: TwilioPeer, simulator: SimulatorClient) -> None:
    await simulator.set_script(
        Script(
            delivery=Delivery(delivered=0, undelivered={30005: 1}),
            receipts=Receipts(to_sent=Fixed(seconds=0), to_final=Fixed(seconds=0), lost=1),
        )
    )
    connection = peer.open()
    accepted = await connection.send(message(), peer.sender)
    assert isinstance(accepted, Accepted)
    report = await connection.poll(accepted.provider_message_id)
    assert report.state is MessageState.UNDELIVERED
    assert report.error is not None
    assert report.error.code == "30005"
    with pytest.raises(NotFound):
        await connection.poll("SM" + "0" * 32)
    await connection.aclose()


async def test_a_message_in_doubt_can_be_looked_up(peer: TwilioPeer, simulator: SimulatorClient) -> None:
    since = datetime.now(UTC)
    await peer.behave(Behaviour.DROPS_AFTER_ACCEPTING)
    connection = peer.open()
    lost = message(body="Grüße, Ann 😀 & “all” +100 %")
    assert isinstance(await connection.send(lost, peer.sender), InDoubt)
    found = await connection.look_up(to=NUMBER, body=lost.body, sender=peer.sender, since=since)
    assert len(found) == 1
    assert await connection.look_up(to=NUMBER, body="another text", sender=peer.sender, since=since) == []
    assert await connection.look_up(to="+12015550199", body=None, sender=peer.sender, since=since) == []
    assert await connection.look_up(to=NUMBER, body=None, sender=SERVICE, since=since) == []
    later = since + timedelta(minutes=5)
    assert await connection.look_up(to=NUMBER, body=None, sender=peer.sender, since=later) == []
    await connection.aclose()


async def test_look_up_lists_the_oldest_first(peer: TwilioPeer) -> None:
    since = datetime.now(UTC)
    connection = peer.open()
    sent = [await connection.send(message(body=f"{number}"), SERVICE) for number in range(3)]
    found = await connection.look_up(to=NUMBER, body=None, sender=SERVICE, since=since)
    assert [report.provider_message_id for report in found] == [
        each.provider_message_id for each in sent if isinstance(each, Accepted)
    ]
    await connection.aclose()


async def test_a_trial_account_says_why_it_does_not_send(peer: TwilioPeer, simulator: SimulatorClient) -> None:
    await simulator.set_script(
        Script(accounts={DEMO_ACCOUNT_SID: AccountScript(trial=True, verified=["+12015550199"])})
    )
    connection = peer.open()
    refused = await connection.send(message(), peer.sender)
    assert isinstance(refused, Refused)
    assert refused.error.code == "21608"
    assert "not verified" in refused.error.message
    assert isinstance(await connection.send(message(to="+12015550199"), peer.sender), Accepted)
    await connection.aclose()


async def test_parts_are_as_twilio_counts_them_and_unknown_with_a_service(peer: TwilioPeer) -> None:
    connection = peer.open()
    long = await connection.send(message(body="a" * 161), peer.sender)
    by_service = await connection.send(message(body="a" * 161), SERVICE)
    assert isinstance(long, Accepted)
    assert isinstance(by_service, Accepted)
    assert (long.parts, by_service.parts) == (2, None)
    await connection.aclose()


async def test_a_failed_handshake_is_known_not_to_have_been_processed(simulator: SimulatorClient) -> None:
    connection = connect(f"https://127.0.0.1:{urlsplit(simulator.url).port}")  # which speaks plain HTTP
    outcome = await connection.send(message(), LONG_CODE)
    assert isinstance(outcome, NotProcessed)
    await connection.aclose()


async def test_a_host_without_address_is_known_not_to_have_been_processed() -> None:
    connection = connect("http://twilio.invalid")
    outcome = await connection.send(message(), LONG_CODE)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "dns"
    await connection.aclose()


async def test_a_message_that_waits_in_vain_for_a_connection_is_not_processed(peer: TwilioPeer) -> None:
    await peer.behave(Behaviour.IS_SILENT)
    options = ConnectionOptions(0.5, None, max_connections=1, simulator_url=peer.url)
    connection = TwilioConnection(CREDENTIALS, options)
    outcomes = await asyncio.gather(*[connection.send(message(), peer.sender) for _ in range(3)])
    await connection.aclose()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InDoubt", "NotProcessed", "NotProcessed"]
    assert await peer.accepted() == 1


async def test_a_lease_that_ends_while_waiting_for_a_connection_is_kept(peer: TwilioPeer) -> None:
    await peer.behave(Behaviour.IS_SILENT)
    options = ConnectionOptions(1.0, None, max_connections=1, simulator_url=peer.url)
    connection = TwilioConnection(CREDENTIALS, options)
    first = asyncio.create_task(connection.send(message(), peer.sender))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(connection.send(message(seconds=0.2), peer.sender))
    await asyncio.sleep(0.4)
    first.cancel()  # frees the connection for the second, whose lease has ended
    outcome = await second
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "lease_expired"
    assert await peer.accepted() == 1


async def test_a_text_that_cannot_be_encoded_is_refused(peer: TwilioPeer) -> None:
    connection = peer.open()
    refused = await connection.send(message(body="half an emoji: \ud83d"), peer.sender)
    await connection.aclose()
    assert isinstance(refused, Refused)
    assert refused.error.error_class is ErrorClass.CONTENT
    assert await peer.accepted() == 0


async def test_a_provider_that_came_back_is_sent_to_again() -> None:
    port = free_port()
    with running_simulator(port=port) as url:
        connection = connect(url)
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)
    await asyncio.sleep(0.05)  # the end of the pooled connection is heard
    assert isinstance(await connection.send(message(), LONG_CODE), NotProcessed)
    with running_simulator(port=port):
        assert isinstance(await connection.send(message(), LONG_CODE), Accepted)
    await connection.aclose()


async def test_closing_ends_calls_under_way_by_what_was_written(peer: TwilioPeer) -> None:
    await peer.behave(Behaviour.IS_SILENT)
    options = ConnectionOptions(10.0, None, max_connections=1, simulator_url=peer.url)
    connection = TwilioConnection(CREDENTIALS, options)
    written = asyncio.create_task(connection.send(message(), peer.sender))
    await asyncio.sleep(0.1)
    waiting = asyncio.create_task(connection.send(message(), peer.sender))
    await asyncio.sleep(0.1)
    await connection.aclose()
    assert isinstance(await written, InDoubt)
    assert isinstance(await waiting, NotProcessed)
    assert await peer.accepted() == 1
