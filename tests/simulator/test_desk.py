"""The desk of the simulated providers besides Twilio, with a provider that says little."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from heliograph.simulator.delivery import Callback
from heliograph.simulator.desk import Desk, Submission
from heliograph.simulator.http import Manner, Reply
from heliograph.simulator.messages import AcceptedMessage, Messages
from heliograph.simulator.script import (
    AccountScript,
    AnswerKind,
    Delivery,
    Fixed,
    Match,
    Receipts,
    Rule,
    Script,
    SendAnswer,
)
from heliograph.simulator.simulator import Simulator
from heliograph.simulator.statuses import NAMES
from tests.simulator.receiver import Receiver


class FewWords:
    """A provider's wording."""

    def accepted(self, messages: Sequence[AcceptedMessage]) -> Reply:
        """The names."""
        return Reply(200, orjson.dumps([message.sid for message in messages]))

    def error(self, answer: SendAnswer, submission: Submission) -> Reply:
        """The code, and whom it is about."""
        return Reply(answer.status, orjson.dumps([answer.code, submission.to]))

    def callbacks(self, message: AcceptedMessage, status: int, url: str) -> Sequence[Callback]:
        """A GET with the status in the query, for final statuses alone."""
        if NAMES[status] in {"queued", "sent"}:
            return ()
        return (Callback(f"{url}?{message.sid}={NAMES[status]}", b"", b"X-Few: 1\r\n", b"GET"),)


WORDS = FewWords()


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """The parts, without a process of their own."""
    simulator = Simulator(Script())
    yield simulator
    simulator.close()
    await asyncio.sleep(0.01)


@pytest.fixture
def desk(simulator: Simulator) -> Desk:
    """The desk."""
    return simulator.desk


def _submissions(number: int, callback_url: str = "") -> list[Submission]:
    return [
        Submission(f"few-{each}", f"+4474001234{each:02}", "ACME", "Hello", f"r{each}", callback_url)
        for each in range(number)
    ]


async def test_accepted_messages_stand_in_the_log_under_the_providers_names(desk: Desk) -> None:
    reply = desk.submit(desk.account("ours"), WORDS, _submissions(2))
    assert orjson.loads(reply.body) == ["few-0", "few-1"]
    message = desk.message("few-1")
    assert message is not None
    assert (message.account_sid, message.to, message.reference) == ("ours", "+447400123401", "r1")
    assert (message.segments, message.status) == (1, "queued")
    assert desk.message("few-2") is None


async def test_the_log_is_the_same_after_a_restart(tmp_path: Path) -> None:
    first = Simulator(Script(), tmp_path / "log")
    first.desk.submit(first.desk.account("ours"), WORDS, _submissions(2))
    first.close()
    second = Messages(tmp_path / "log")
    assert [second.at(place).sid for place in range(len(second))] == ["few-0", "few-1"]
    assert second.place_of("few-1") == 1


async def test_a_request_is_answered_as_a_whole(simulator: Simulator, desk: Desk) -> None:
    answer = SendAnswer(kind=AnswerKind.ERROR, status=429, code="slower", retry_after="7")
    simulator.follow(Script(rules=[Rule(match=Match(numbers=frozenset({"+447400123401"})), answer=answer)]))
    reply = desk.submit(desk.account("ours"), WORDS, _submissions(3))
    assert (reply.status, orjson.loads(reply.body)) == (429, ["slower", "+447400123401"])
    assert reply.headers == b"Retry-After: 7\r\n"
    assert len(simulator.messages) == 0


@pytest.mark.parametrize("accepted", [False, True])
async def test_what_is_accepted_in_silence_stands_in_the_log(
    simulator: Simulator, desk: Desk, *, accepted: bool
) -> None:
    answer = SendAnswer(kind=AnswerKind.SILENCE, accepted=accepted)
    simulator.follow(Script(rules=[Rule(answer=answer)]))
    assert desk.submit(desk.account("ours"), WORDS, _submissions(3)).manner is Manner.SILENCE
    assert len(simulator.messages) == (3 if accepted else 0)


async def test_callbacks_go_out_in_the_providers_words(simulator: Simulator, desk: Desk, receiver: Receiver) -> None:
    simulator.follow(Script(delivery=Delivery(delivered=0, failed={7: 1}), receipts=Receipts(copies=2)))
    desk.submit(desk.account("ours"), WORDS, _submissions(1, receiver.url))
    await receiver.until(lambda came: len(came) == 2)
    assert {request.url for request in receiver.requests} == {f"{receiver.url}?few-0=failed"}
    assert {(request.method, request.headers["x-few"]) for request in receiver.requests} == {("GET", "1")}


async def test_an_account_can_say_where_callbacks_go(simulator: Simulator, desk: Desk, receiver: Receiver) -> None:
    account = AccountScript(callback_url=receiver.url, auth_token="right")
    simulator.follow(Script(accounts={"ours": account}, latency=Fixed(seconds=0.01)))
    reply = desk.submit(desk.account("ours"), WORDS, _submissions(1))
    assert reply.delay == 0.01
    await receiver.until(lambda came: len(came) == 1)
    assert desk.account("ours").takes("right")
    assert not desk.account("ours").takes("wrong")
    assert desk.account("others").takes("any")
    assert not desk.account("others").takes("bad one")
