"""Batches: what goes together, how each text reaches its number, and what one bad message does to the others."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.vocabulary import ErrorClass
from heliograph.ids import new_id
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, OutgoingMessage, Refused
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.sinch.answers import refusal
from heliograph.providers.sinch.batches import groups, pieces, text_for, texts
from heliograph.simulator.script import AnswerKind, Match, Receipts, Rule, Script, SendAnswer
from tests.providers.contract import Behaviour
from tests.providers.sinch.oracle import TextRequest
from tests.providers.sinch.peer import SinchPeer, error

MESSAGE_ID = new_id()


def message(number: int, body: str, *, seconds: float = 30) -> OutgoingMessage:
    """A message to the number with this ending."""
    return OutgoingMessage(MESSAGE_ID, 1, f"+44740012{number:04}", body, time.monotonic() + seconds)


def _as_asked(messages: list[OutgoingMessage]) -> dict[str, Any]:
    return {"from": "12345", "to": [each.to.removeprefix("+") for each in messages], **texts(messages)}


@given(st.text(min_size=1, max_size=700))
def test_pieces_fit_and_make_the_text_again(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all(0 < len(piece.encode("utf-16-le", "surrogatepass")) <= 320 for piece in found)


@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=8))
def test_every_text_of_a_batch_is_its_own(bodies: list[str]) -> None:
    messages = [message(number, body) for number, body in enumerate(bodies)]
    for group in groups(messages):
        part = [messages[place] for place in group]
        batch = _as_asked(part)
        for each in part:
            if "${" not in each.body:
                assert text_for(batch, each.to.removeprefix("+")) == each.body


def test_the_sdk_of_sinch_takes_our_request() -> None:
    batch = _as_asked([message(1, "Hello " * 40), message(2, "Hallo " * 40)])
    read = TextRequest(**batch)
    assert read.parameters == batch["parameters"]
    assert read.body == "${t0}${t1}"
    assert max(len(value) for values in batch["parameters"].values() for value in values.values()) <= 160


def test_one_text_for_all_needs_no_parameters_unless_it_looks_like_one() -> None:
    assert texts([message(1, "Hello"), message(2, "Hello")]) == {"body": "Hello"}
    assert texts([message(1, "It is ${dear}")])["body"] == "${t0}"


def test_two_messages_to_one_number_go_in_two_batches() -> None:
    assert groups([message(1, "a"), message(2, "b"), message(1, "c")]) == [[0, 1], [2]]


async def test_texts_of_all_lengths_reach_their_numbers(peer: SinchPeer) -> None:
    bodies = ["short", "x" * 160, "y" * 161, "😀" * 100, "z" * 1600, "It is ${dear} and $ {cheap}", "short"]
    messages = [message(number, body) for number, body in enumerate(bodies)]
    connection = peer.open()
    outcomes = await connection.send_batch([*messages, message(0, "again")], peer.sender)
    await connection.aclose()
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    taken = Counter([(each.to, each.body) async for each in peer.simulator.accepted_messages()])
    assert taken == Counter([*((each.to, each.body) for each in messages), (messages[0].to, "again")])
    names = [each.sid async for each in peer.simulator.accepted_messages()]
    assert sorted(names) == sorted(outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted))


async def test_a_bad_number_costs_no_other_message_its_sending(peer: SinchPeer) -> None:
    bad = frozenset({"+447400120003", "+447400120017"})
    answer = SendAnswer(kind=AnswerKind.ERROR, status=400, code="syntax_invalid_parameter_format")
    await peer.simulator.set_script(Script(rules=[Rule(match=Match(numbers=bad), answer=answer)]))
    connection = peer.open()
    messages = [message(number, f"Hello {number}") for number in range(40)]
    outcomes = await connection.send_batch(messages, peer.sender)
    await connection.aclose()
    for each, outcome in zip(messages, outcomes, strict=True):
        assert isinstance(outcome, Refused if each.to in bad else Accepted)
    assert await peer.accepted() == 38
    assert await peer.simulator.duplicates() == []


async def test_what_cannot_be_sent_is_refused_unsent_and_the_others_go(peer: SinchPeer) -> None:
    connection = peer.open()
    outcomes = await connection.send_batch(
        [message(1, "a"), message(2, "\ud800"), message(3, "x" * 1601), message(4, "b")], peer.sender
    )
    await connection.aclose()
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Refused, Accepted]
    assert await peer.accepted() == 2


@pytest.mark.parametrize(
    ("code", "error_class"), [("unknown_campaign", ErrorClass.SENDER), ("missing_callback_url", ErrorClass.OTHER)]
)
async def test_a_refusal_of_the_whole_batch_is_not_tried_again(
    peer: SinchPeer, code: str, error_class: ErrorClass
) -> None:
    await peer.simulator.set_script(error(403, code))
    connection = peer.open()
    outcomes = await connection.send_batch([message(1, "a"), message(2, "b")], peer.sender)
    await connection.aclose()
    assert [outcome.error.error_class for outcome in outcomes if isinstance(outcome, Refused)] == [error_class] * 2


@pytest.mark.parametrize(("status", "kind"), [(500, NotProcessed), (404, NotProcessed), (503, InDoubt), (502, InDoubt)])
async def test_only_what_sinch_documents_as_not_processed_is(peer: SinchPeer, status: int, kind: type) -> None:
    await peer.simulator.set_script(error(status, "anything"))
    connection = peer.open()
    outcomes = await connection.send_batch([message(1, "a"), message(2, "b")], peer.sender)
    await connection.aclose()
    assert [type(outcome) for outcome in outcomes] == [kind, kind]


@pytest.mark.parametrize("body", [{"error": {"code": 400, "status": "BAD_REQUEST", "message": "no"}}, {"code": "x"}])
def test_both_forms_of_errors_are_read(body: dict[str, Any]) -> None:
    outcome = refusal(HttpAnswer(400, orjson.dumps(body)))
    assert isinstance(outcome, Refused)
    assert outcome.error.code in {"BAD_REQUEST", "x"}


async def test_a_batch_in_doubt_is_found_again_message_by_message(peer: SinchPeer) -> None:
    await peer.behave(Behaviour.DROPS_AFTER_ACCEPTING)
    connection = peer.open()
    sent = [message(number, f"Hello {number}" + " and more" * 30) for number in range(3)]
    outcomes = await connection.send_batch(sent, peer.sender)
    assert all(isinstance(outcome, InDoubt) for outcome in outcomes)
    since = datetime.now(UTC) - timedelta(minutes=1)
    for each in sent:
        (found,) = await connection.look_up(to=each.to, body=each.body, sender=peer.sender, since=since)
        assert found.provider_message_id.endswith(each.to.removeprefix("+"))
    assert await connection.look_up(to=sent[0].to, body="other", sender=peer.sender, since=since) == []
    assert len(await connection.look_up(to=sent[0].to, body=None, sender=peer.sender, since=since)) == 1
    await connection.aclose()


async def test_many_messages_are_asked_about_with_one_question_for_each_batch(peer: SinchPeer) -> None:
    await peer.simulator.set_script(Script(receipts=Receipts(lost=1)))
    connection = peer.open()
    outcomes = await connection.send_batch([message(number, f"Hello {number}") for number in range(5)], peer.sender)
    names = [outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)]
    await peer.sent()
    found = await connection.poll_many([*names, "nobody/447400120001", "nonsense"])
    await connection.aclose()
    assert found.keys() == set(names)
    assert {report.provider_message_id for report in found.values()} == set(names)
