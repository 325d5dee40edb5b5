"""Mail over SMTP to an independent relay (aiosmtpd): what each step of it means for the message."""

import asyncio
import time
from dataclasses import replace

import pytest

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import Accepted, EmailContent, InDoubt, NotProcessed, Refused, SenderAddress
from heliograph.providers.smtp.account import SmtpCredentials
from tests.providers.smtp.peer import SENDER, email
from tests.providers.smtp.relay import Relay, open_relay

PASSWORD = SmtpCredentials(username="shop", password="open sesame")


async def test_a_mail_arrives_as_it_was_written_and_names_itself_by_our_reference(relay: Relay) -> None:
    connection = relay.connection()
    message = email(body="Hi\n.a dot\nünïcode")
    outcome = await connection.send(message, SENDER)
    await connection.aclose()
    (mail,) = relay.taken
    assert isinstance(outcome, Accepted)
    assert outcome.provider_message_id == f"{message.reference}@shop.example"
    assert outcome.provider_status == "250 2.0.0 Ok: queued as Q1"
    assert (mail.sender, mail.recipient) == ("news@shop.example", "ann@example.com")
    assert f"Message-ID: <{message.reference}@shop.example>\r\n".encode() in mail.content


async def test_a_refused_recipient_is_final_and_the_next_message_goes_over_the_same_connection(relay: Relay) -> None:
    relay.recipient = lambda to: "550 5.1.1 <nobody@example.com>: no such user" if to.startswith("nobody") else "250 Ok"
    connection = relay.connection()
    outcomes = [await connection.send(email(to=to), SENDER) for to in ("nobody@example.com", "ann@example.com")]
    await connection.aclose()
    refused, accepted = outcomes
    assert isinstance(refused, Refused)
    assert (refused.error.error_class, refused.error.code) == (ErrorClass.RECIPIENT, "5.1.1")
    assert "nobody@" not in refused.error.message
    assert isinstance(accepted, Accepted)
    assert relay.opened == 1
    assert relay.steps[1:7] == ["MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]


async def test_greylisting_is_not_processed_and_comes_back_after_the_configured_time(relay: Relay) -> None:
    relay.recipient = lambda _: "451 4.7.1 Greylisted, please try again later"
    connection = relay.connection(retry_seconds=420)
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert (outcome.error.error_class, outcome.error.code) == (ErrorClass.NOT_PROCESSED, "4.7.1")
    assert outcome.retry_after == 420


async def test_a_temporary_refusal_of_the_text_is_not_processed(relay: Relay) -> None:
    relay.end = lambda _: "452 4.3.1 Insufficient system storage"
    connection = relay.connection()
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)


async def test_a_relay_that_is_closing_holds_the_connector(relay: Relay) -> None:
    relay.mail = lambda _: "421 4.3.2 Closing"
    connection = relay.connection()
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.RATE_LIMITED


@pytest.mark.parametrize("step", ["mail", "recipient"])
async def test_a_connection_lost_before_the_text_is_not_processed(relay: Relay, step: str) -> None:
    setattr(relay, step, lambda _: None)
    connection = relay.connection()
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "connection_lost"


async def test_a_connection_lost_after_the_text_is_in_doubt(relay: Relay) -> None:
    relay.end = lambda _: None
    connection = relay.connection()
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    assert isinstance(outcome, InDoubt)
    assert outcome.error.code == "connection_lost"
    assert len(relay.taken) == 1


async def test_a_connection_lost_within_a_long_text_is_not_processed() -> None:
    async def hang_up_in_the_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies = iter([b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"354 go on"])
        writer.write(next(replies) + b"\r\n")
        for reply in replies:
            await reader.readline()
            writer.write(reply + b"\r\n")
        await reader.readexactly(100_000)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up_in_the_text, "127.0.0.1", 0)
    connection = Relay(port=server.sockets[0].getsockname()[1]).connection()
    outcome = await connection.send(email(body="long text\n" * 2_000_000), SENDER)
    await connection.aclose()
    server.close()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "connection_lost"


async def test_nothing_ends_a_text_after_the_lease(relay: Relay) -> None:
    def slow(_: str) -> str:
        time.sleep(0.3)
        return "250 Ok"

    relay.recipient = slow
    connection = relay.connection()
    outcome = await connection.send(email(seconds=0.2), SENDER)
    await asyncio.sleep(0.05)
    await connection.aclose()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "lease_expired"
    assert relay.taken == []


async def test_messages_share_connections_up_to_their_number_and_their_wear(relay: Relay) -> None:
    connection = relay.connection(connections=2, messages_per_connection=5)
    outcomes = await asyncio.gather(*(connection.send(email(), SENDER) for _ in range(20)))
    await connection.aclose()
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    by_connection = {peer: [mail.peer for mail in relay.taken].count(peer) for peer in {m.peer for m in relay.taken}}
    assert sorted(by_connection.values()) == [5, 5, 5, 5]
    assert relay.opened == 4


async def test_an_unused_connection_is_closed_politely(relay: Relay) -> None:
    connection = relay.connection(idle_seconds=0.05)
    await connection.send(email(), SENDER)
    await asyncio.sleep(0.2)
    assert relay.steps[-1] == "QUIT"
    await connection.send(email(), SENDER)
    await connection.aclose()
    assert relay.opened == 2


async def test_a_worn_connection_is_replaced_without_a_word(relay: Relay) -> None:
    connection = relay.connection()
    await connection.send(email(), SENDER)
    replies = iter(["421 4.7.0 Enough messages over this connection", "250 Ok"])
    relay.mail = lambda _: next(replies)
    assert isinstance(await connection.send(email(), SENDER), Accepted)
    await connection.aclose()
    assert relay.opened == 2


async def test_a_connection_that_does_not_forget_a_refusal_is_replaced(relay: Relay) -> None:
    relay.reset = "500 What?"
    relay.recipient = lambda to: "550 5.1.1 no such user" if to.startswith("nobody") else "250 Ok"
    connection = relay.connection()
    outcomes = [await connection.send(email(to=to), SENDER) for to in ("nobody@example.com", "ann@example.com")]
    await connection.aclose()
    assert [type(outcome) for outcome in outcomes] == [Refused, Accepted]
    assert relay.opened == 2


async def test_each_message_can_have_an_envelope_sender_of_its_own(relay: Relay) -> None:
    connection = relay.connection(bounce_address="bounces@mail.shop.example", verp=True)
    message = email()
    await connection.send(message, SENDER)
    await connection.aclose()
    assert relay.taken[0].sender == f"bounces+{message.message_id.hex}.1@mail.shop.example"


async def test_an_international_address_goes_to_a_relay_that_takes_it(relay: Relay) -> None:
    connection = relay.connection()
    outcomes = [await connection.send(email(to=to), SENDER) for to in ("ünïcode@example.com", "ann@bücher.example")]
    await connection.aclose()
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    local_part, domain = relay.taken
    assert (local_part.recipient, local_part.utf8) == ("ünïcode@example.com", True)
    assert (domain.recipient, domain.utf8) == ("ann@xn--bcher-kva.example", False)


async def test_an_international_address_is_refused_for_a_relay_that_does_not() -> None:
    async with open_relay(utf8=False) as relay:
        connection = relay.connection()
        outcome = await connection.send(email(to="ünïcode@example.com"), SENDER)
        await connection.aclose()
    assert isinstance(outcome, Refused)
    assert (outcome.error.error_class, outcome.error.code) == (ErrorClass.OTHER, "no_smtputf8")


async def test_a_wrong_password_leaves_the_message_in_the_queue_and_is_told(relay: Relay) -> None:
    relay.password = "another"
    connection = relay.connection(credentials=PASSWORD)
    outcome = await connection.send(email(), SENDER)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.AUTH
    with pytest.raises(Unauthenticated):
        await connection.check_credentials()
    await connection.aclose()


async def test_the_right_password_signs_on(relay: Relay) -> None:
    relay.password = "open sesame"
    connection = relay.connection(credentials=PASSWORD)
    await connection.check_credentials()
    assert isinstance(await connection.send(email(), SENDER), Accepted)
    await connection.aclose()


async def test_a_sender_is_asked_for_at_the_relay_and_nothing_is_sent(relay: Relay) -> None:
    relay.mail = lambda address: "250 Ok" if address == "news@shop.example" else "550 5.7.1 not yours"
    connection = relay.connection()
    await connection.check_sender(SENDER)
    with pytest.raises(BadRequest, match="does not take mail from this address"):
        await connection.check_sender(SenderAddress("email_address", "boss@other.example"))
    assert isinstance(await connection.send(email(), SENDER), Accepted)
    await connection.aclose()
    assert len(relay.taken) == 1


async def test_a_private_relay_is_reached_only_where_the_operator_lists_it(relay: Relay) -> None:
    connection = relay.connection(reachable=False)
    outcome = await connection.send(email(), SENDER)
    assert isinstance(outcome, NotProcessed)
    assert (outcome.error.error_class, outcome.error.code) == (ErrorClass.ACCOUNT, "private_address")
    with pytest.raises(BadRequest, match="HELIOGRAPH_REACHABLE_HOSTS"):
        await connection.check_credentials()
    await connection.aclose()
    assert relay.opened == 0


async def test_a_relay_that_wants_nothing_from_us_pauses_the_account() -> None:
    async def turn_away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 5.7.1 No service for you\r\n")
        writer.close()

    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    connection = Relay(port=server.sockets[0].getsockname()[1]).connection()
    outcome = await connection.send(email(), SENDER)
    await connection.aclose()
    server.close()
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.ACCOUNT


async def test_a_relay_that_never_greets_is_given_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    connection = Relay(port=server.sockets[0].getsockname()[1]).connection(timeout=0.3)
    outcome = await connection.send(email(), SENDER)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "connect_timeout"
    with pytest.raises(UpstreamFailed):
        await connection.check_credentials()
    await connection.aclose()
    await asyncio.sleep(0.05)  # the server's side of it ends too
    server.close()


async def test_a_header_that_would_begin_a_line_of_its_own_is_refused_unsent(relay: Relay) -> None:
    connection = relay.connection()
    for content in (
        EmailContent("Hi\r\nBcc: everybody@example.com"),
        EmailContent("Hi", headers={"List-Unsubscribe": "<https://a>\r\nBcc: x@example.com"}),
        EmailContent("Hi", headers={"Bcc": "everybody@example.com"}),
    ):
        outcome = await connection.send(replace(email(), email=content), SENDER)
        assert isinstance(outcome, Refused)
        assert outcome.error.error_class is ErrorClass.CONTENT
    for to in ("ann@example.com> SIZE=1\r\nDATA", "ann@example.com\r\nRSET", "<ann@example.com>"):
        outcome = await connection.send(email(to=to), SENDER)
        assert isinstance(outcome, Refused)
        assert outcome.error.error_class is ErrorClass.RECIPIENT
    await connection.aclose()
    assert relay.steps == []
