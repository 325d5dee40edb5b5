"""Answers of IP2SMS as its sources show them, and those that nobody should believe."""

import logging
from typing import Any

import orjson
import pytest

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.ip2sms.answers import Told, read
from heliograph.providers.ip2sms.outcomes import outcome_of, outcomes_of
from heliograph.providers.ip2sms.words import STATES, delivery_error, rejection, state_of
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, Refused
from heliograph.providers.shared.configured_reply import UnreadableReply
from heliograph.providers.shared.http import HttpAnswer
from tests.providers.contract import message
from tests.providers.ip2sms.peer import Ip2smsPeer

BOMB = b"""<?xml version="1.0"?><!DOCTYPE status [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<status id="1" date=""><state>&b;</state></status>"""
OUTSIDE = b"""<!DOCTYPE status [<!ENTITY file SYSTEM "file:///etc/hostname">]>
<status id="1" date=""><state>&file;</state></status>"""


def answer(body: bytes | dict[str, Any], status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, body if isinstance(body, bytes) else orjson.dumps(body))


def rejected(reason: str, status: int = 200) -> HttpAnswer:
    return answer(f'<status date=""><state error="{reason}">Rejected</state></status>'.encode(), status)


@pytest.mark.parametrize("word", STATES)
def test_every_state_of_the_list_has_a_meaning(word: str) -> None:
    assert state_of(word) is STATES[word]
    assert (word, STATES[word]) in Ip2smsPeer.statuses
    if STATES[word] in {MessageState.UNDELIVERED, MessageState.FAILED}:
        assert delivery_error(word, None).error_class is ErrorClass.DELIVERY


def test_a_state_nobody_knows_is_not_final_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert state_of("Teleported") is MessageState.ACCEPTED
    assert "Teleported" in caplog.text


@pytest.mark.parametrize("bomb", [BOMB, OUTSIDE])
def test_entities_are_not_resolved(bomb: bytes) -> None:
    with pytest.raises(UnreadableReply):
        read(answer(bomb), "xml")
    assert isinstance(outcome_of(answer(bomb), message(), "xml"), InDoubt)


def test_the_answers_of_the_sources_are_read() -> None:
    single = b'<status id="661" date="Thu, 16 Apr 2020 10:33:38 +0300"><state>Accepted</state></status>'
    status = read(answer(single), "xml")
    assert status.messages == [Told("661", "Accepted")]
    assert status.date is not None
    assert status.date.isoformat() == "2020-04-16T10:33:38+03:00"
    pairs = "<id>1</id><state>Accepted</state><id>2</id><state error='Invalid abonent number'>Rejected</state>"
    group = read(answer(f'<status groupid="7" date="">{pairs}</status>'.encode()), "xml")
    assert (group.group, group.messages) == (
        "7",
        [Told("1", "Accepted"), Told("2", "Rejected", "Invalid abonent number")],
    )
    json = {
        "state": {"value": "Accepted"},
        "id": 6617169505098,
        "date": "Sun, 19 Mar 2023 11:39:44 +0200",
        "execTime": 9,
    }
    assert read(answer(json), "json").messages == [Told("6617169505098", "Accepted")]
    details = {"groupid": 7, "detail": [{"id": 1, "state": {"value": "Delivered"}}]}
    assert read(answer(details), "json").messages == [Told("1", "Delivered")]


@pytest.mark.parametrize(
    ("reason", "error_class", "kind"),
    [
        ("Unknown operator code 39", ErrorClass.RECIPIENT, Refused),
        ("Invalid abonent number", ErrorClass.RECIPIENT, Refused),
        ("Message text not found", ErrorClass.CONTENT, Refused),
        ("Text don`t match allowed templates", ErrorClass.CONTENT, Refused),
        ("Invalid source number", ErrorClass.SENDER, Refused),
        ("Prepaid messages limit exceed", ErrorClass.ACCOUNT, NotProcessed),
        ("Prepaid bill error", ErrorClass.ACCOUNT, NotProcessed),
        ("2 or more numbers required for bulk or individual mode", ErrorClass.OTHER, Refused),
        ("", ErrorClass.OTHER, Refused),
    ],
)
def test_every_reason_has_its_class(reason: str, error_class: ErrorClass, kind: type[Refused | NotProcessed]) -> None:
    outcome = outcome_of(rejected(reason), message(), "xml")
    assert isinstance(outcome, kind)
    assert outcome.error.error_class is error_class
    assert outcome.error.code


def test_a_reason_with_a_number_in_it_is_told_without() -> None:
    error = rejection("Abonent +380632100001 is on fire")
    assert "380632100001" not in error.message + error.code


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"401 Unauthorized", NotProcessed),
        (b"Request not recognized - xml parse failed. Request text: <x>", Refused),
        (b"", InDoubt),
        (b"<html>Proxy</html>", InDoubt),
        (b"<status id='' date=''><state>Accepted</state></status>", InDoubt),
        (b"<status id='5' date=''/>", InDoubt),
        (b"<status id='5' date=''><state>Pending</state></status>", Accepted),
    ],
)
def test_only_an_id_or_a_rejection_is_believed(body: bytes, kind: type) -> None:
    assert isinstance(outcome_of(answer(body), message(), "xml"), kind)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"id": 5}',
        b'{"id": {"a": 1}, "state": {"value": "Accepted"}}',
        b'{"id": true, "state": "Accepted"}',
    ],
)
def test_json_without_an_id_or_a_state_leaves_doubt(body: bytes) -> None:
    assert isinstance(outcome_of(answer(body), message(), "json"), InDoubt)


def test_json_errors_are_rejections() -> None:
    outcome = outcome_of(answer({"error": "Invalid source number"}), message(), "json")
    assert isinstance(outcome, Refused)
    assert outcome.error.error_class is ErrorClass.SENDER


@pytest.mark.parametrize("pairs", ["<id>1</id><state>Accepted</state>", "", "<id>1</id><state>Accepted</state>" * 3])
def test_a_group_with_another_count_than_ours_is_in_doubt_as_a_whole(pairs: str) -> None:
    told = answer(f'<status groupid="7" date="">{pairs}</status>'.encode())
    outcomes = outcomes_of(told, [message(), message()], "xml")
    assert outcomes is not None
    assert all(isinstance(outcome, InDoubt) for outcome in outcomes)


def test_in_a_group_each_message_has_its_own_outcome() -> None:
    pairs = "<id>1</id><state>Accepted</state><state error='Invalid abonent number'>Rejected</state>"
    outcomes = outcomes_of(answer(f'<status groupid="7">{pairs}</status>'.encode()), [message(), message()], "xml")
    assert outcomes is not None
    accepted, refused = outcomes
    assert isinstance(accepted, Accepted)
    assert accepted.provider_message_id == "7/1"
    assert isinstance(refused, Refused)


def test_a_server_error_is_in_doubt_whatever_its_body() -> None:
    assert isinstance(outcome_of(answer(b"oops", 500), message(), "xml"), InDoubt)
    assert isinstance(outcome_of(rejected("Invalid abonent number", 500), message(), "xml"), InDoubt)
