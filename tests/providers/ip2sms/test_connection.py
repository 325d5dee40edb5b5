"""IP2SMS beyond the contract: keys, groups, states, and what only one of the forms has."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from pydantic import ValidationError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, NotFound, UpstreamFailed
from heliograph.providers.ip2sms.configuration import SENDER_KINDS, Ip2smsConfiguration
from heliograph.providers.ip2sms.connection import Ip2smsConnection
from heliograph.providers.protocol import (
    Accepted,
    ConnectionOptions,
    NotProcessed,
    OutgoingMessage,
    Refused,
    SenderAddress,
)
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Delivery, Failure, Match, Rule, Script, SendAnswer
from tests.providers.contract import Behaviour, message
from tests.providers.ip2sms.peer import CREDENTIALS, LOGIN, SHOP, Ip2smsPeer, configured

NUMBERS = [f"+38063210{number:04}" for number in range(25)]


def texts(numbers: Sequence[str] = NUMBERS) -> list[OutgoingMessage]:
    """A message to each, with a text of its own."""
    return [message(to=number, body=f"Вітаємо, {number} & <друзі>") for number in numbers]


def rejecting(number: str, reason: str) -> Script:
    answer = SendAnswer(kind=AnswerKind.ERROR, status=200, code=reason)
    return Script(rules=[Rule(match=Match(numbers=frozenset({number})), answer=answer)])


async def test_a_request_that_comes_twice_was_accepted_the_first_time_and_is_not_sent_again(peer: Ip2smsPeer) -> None:
    connection = peer.open()
    once = message(to=NUMBERS[0])
    first, second = await connection.send(once, SHOP), await connection.send(once, SHOP)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert second.provider_message_id == f"uniq_key/{once.reference}"
    assert await peer.accepted() == 1
    with pytest.raises(NotFound):  # nobody was told its id
        await connection.poll(second.provider_message_id)
    assert isinstance(await connection.send(replace(once, attempt=2), SHOP), Accepted)  # a further try is another one
    assert await peer.accepted() == 2
    await connection.aclose()


async def test_without_keys_the_operator_is_told_none(simulator: SimulatorClient) -> None:
    connection = Ip2smsPeer(simulator, unique_keys=False).open()
    once = message(to=NUMBERS[0])
    await connection.send(once, SHOP)
    again = await connection.send(once, SHOP)
    await connection.aclose()
    assert isinstance(again, Accepted)
    assert not again.provider_message_id.startswith("uniq_key")


async def test_a_group_has_each_text_at_its_number(grouping_peer: Ip2smsPeer) -> None:
    connection = grouping_peer.open()
    sent = texts()
    outcomes = await connection.send_batch(sent, SHOP)
    await connection.aclose()
    named = {outcome.provider_message_id: each for outcome, each in zip(outcomes, sent, strict=True)}  # type: ignore[union-attr]
    logged = [each async for each in grouping_peer.simulator.accepted_messages()]
    assert {each.sid: (each.to, each.body, each.sender) for each in logged} == {
        sid: (each.to, each.body, "Shop") for sid, each in named.items()
    }
    assert {sid.partition("/")[0] for sid in named}.__len__() == 3  # groups of 10, 10 and 5


async def test_one_bad_number_rejects_a_group_and_then_nobody_else(grouping_peer: Ip2smsPeer) -> None:
    await grouping_peer.simulator.set_script(rejecting(NUMBERS[3], "Unknown operator code 39"))
    connection = grouping_peer.open()
    outcomes = await connection.send_batch(texts(NUMBERS[:10]), SHOP)
    await connection.aclose()
    bad = outcomes[3]
    assert isinstance(bad, Refused)
    assert (bad.error.error_class, bad.error.code) == (ErrorClass.RECIPIENT, "unknown_operator_code")
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 9
    assert await grouping_peer.accepted() == 9


async def test_a_group_for_an_account_without_money_stays_in_the_queue(grouping_peer: Ip2smsPeer) -> None:
    await grouping_peer.behave(Behaviour.SUSPENDED)
    connection = grouping_peer.open()
    outcomes = await connection.send_batch(texts(NUMBERS[:10]), SHOP)
    await connection.aclose()
    assert all(isinstance(outcome, NotProcessed) for outcome in outcomes)


async def test_messages_of_groups_and_single_ones_are_asked_about_together(grouping_peer: Ip2smsPeer) -> None:
    await grouping_peer.simulator.set_script(Script(delivery=Delivery(delivered=0.5, undelivered={30005: 0.5})))
    connection = grouping_peer.open()
    outcomes = [
        *await connection.send_batch(texts(NUMBERS[:20]), SHOP),
        await connection.send(message(to=NUMBERS[20]), SHOP),
    ]
    ids = [outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)]
    found = await connection.poll_many([*ids, "77", "88/99", "uniq_key/x.1"])
    await connection.aclose()
    assert set(found) == set(ids)
    assert all(name == report.provider_message_id for name, report in found.items())
    assert {report.provider_status for report in found.values()} <= {
        "Accepted",
        "Enroute",
        "Delivered",
        "Undeliverable",
    }


async def test_groups_whose_question_is_not_known_are_asked_message_by_message(simulator: SimulatorClient) -> None:
    connection = Ip2smsPeer(simulator, messages_per_request=10).open()
    outcomes = await connection.send_batch(texts(NUMBERS[:10]), SHOP)
    ids = [outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)]
    found = await connection.poll_many(ids)
    await connection.aclose()
    assert len(found) == 10


async def test_a_provider_that_answers_no_question_is_away(peer: Ip2smsPeer) -> None:
    connection = peer.open()
    outcome = await connection.send(message(to=NUMBERS[0]), SHOP)
    assert isinstance(outcome, Accepted)
    await peer.simulator.set_script(Script(accounts={LOGIN: AccountScript(failure=Failure(status=503))}))
    with pytest.raises(UpstreamFailed):
        await connection.poll(outcome.provider_message_id)
    with pytest.raises(UpstreamFailed):
        await connection.poll_many([outcome.provider_message_id])
    await connection.aclose()


async def test_a_status_tells_the_providers_word_and_time(peer: Ip2smsPeer) -> None:
    connection = peer.open()
    outcome = await connection.send(message(to=NUMBERS[0]), SHOP)
    assert isinstance(outcome, Accepted)
    await peer.sent()
    report = await connection.poll(outcome.provider_message_id)
    await connection.aclose()
    assert report.provider_status in {"Enroute", "Delivered"}
    assert report.state in {MessageState.SENT, MessageState.DELIVERED}
    assert report.occurred_at is not None


async def test_a_control_character_is_refused_where_xml_cannot_carry_it(simulator: SimulatorClient) -> None:
    for form, kind in (("xml", Refused), ("json", Accepted)):
        connection = Ip2smsPeer(simulator, format=form).open()
        outcome = await connection.send(message(to=NUMBERS[0], body="Hello\x0bthere"), SHOP)
        await connection.aclose()
        assert isinstance(outcome, kind)


@pytest.mark.parametrize("text", ["a\rb\nc", "quotes \" and '", "]]> & <tag/>", "😀"])
async def test_a_text_arrives_as_it_was_written(peer: Ip2smsPeer, text: str) -> None:
    connection = peer.open()
    await connection.send(message(to=NUMBERS[0], body=text), SenderAddress("alphanumeric", 'A"B&C'))
    await connection.aclose()
    (logged,) = [each async for each in peer.simulator.accepted_messages()]
    assert (logged.body, logged.sender) == (text, 'A"B&C')


def test_senders_have_rules() -> None:
    check: dict[str, Callable[[str], str]] = {kind.key: kind.check for kind in SENDER_KINDS}
    assert check["alphanumeric"](" Shop 24 ") == "Shop 24"
    assert check["short_code"]("4545") == "4545"
    for kind, address in (
        ("alphanumeric", "TwelveLetter"),
        ("alphanumeric", "4545"),
        ("alphanumeric", "Аптека"),
        ("short_code", "+45"),
    ):
        with pytest.raises(InvalidInput):
            check[kind](address)


async def test_an_operator_at_a_private_address_is_refused_when_the_credentials_are_saved() -> None:
    for url in ("http://169.254.169.254/ip2sms/", "http://localhost/ip2sms/", "http://[::ffff:10.0.0.1]/ip2sms/"):
        configuration = configured(status_url=url)
        connection = Ip2smsConnection(CREDENTIALS, configuration, ConnectionOptions(timeout=1.0, callback_url=None))
        with pytest.raises(InvalidInput):
            await connection.check_credentials()
        await connection.aclose()


def test_addresses_have_to_be_configured_and_nothing_is_guessed() -> None:
    with pytest.raises(ValidationError, match="send_url, status_url has to be configured"):
        Ip2smsConfiguration.model_validate({})
    for broken in ({"send_url": "ftp://x/"}, {"validity": "soon"}, {"messages_per_request": 101}, {"colour": "red"}):
        with pytest.raises(ValidationError):
            configured(**broken)
