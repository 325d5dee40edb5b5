"""The simulator's status callbacks are Twilio's, in every order and number that the script asks for."""

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.request_validator import RequestValidator

from heliograph.providers.protocol import ProviderRequest
from heliograph.simulator.accounts import DEMO_AUTH_TOKEN
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AnswerKind, Delivery, Fixed, Receipts, Rule, Script, SendAnswer
from tests.simulator.receiver import Receiver
from tests.simulator.test_sending import send

QUICK: dict[str, Any] = {"to_sent": Fixed(seconds=0.01), "to_final": Fixed(seconds=0.01)}


def statuses(requests: list[ProviderRequest]) -> list[str]:
    """What was told, in order."""
    return [dict(parse_qsl(request.body.decode()))["MessageStatus"] for request in requests]


async def test_a_delivered_message_is_told_in_three_signed_callbacks(
    simulator: SimulatorClient, receiver: Receiver
) -> None:
    await simulator.set_script(Script(receipts=Receipts(**QUICK)))
    _, message, _ = await send(simulator, StatusCallback=f"{receiver.url}?r=abc.1")
    await receiver.until(lambda requests: len(requests) == 3)
    assert statuses(receiver.requests) == ["queued", "sent", "delivered"]
    for request in receiver.requests:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        assert request.url.endswith("?r=abc.1")
        assert RequestValidator(DEMO_AUTH_TOKEN).validate(request.url, form, request.headers["x-twilio-signature"])
        assert (form["MessageSid"], form["To"], form["From"]) == (message["sid"], message["to"], message["from"])
        assert form["SmsSid"] == form["MessageSid"]


async def test_an_undelivered_message_is_told_with_its_code(simulator: SimulatorClient, receiver: Receiver) -> None:
    delivery = Delivery(delivered=0, undelivered={30003: 1})
    await simulator.set_script(Script(delivery=delivery, receipts=Receipts(**QUICK, queued=False)))
    await send(simulator, StatusCallback=receiver.url)
    await receiver.until(lambda requests: len(requests) == 2)
    assert statuses(receiver.requests) == ["sent", "undelivered"]
    assert dict(parse_qsl(receiver.requests[1].body.decode()))["ErrorCode"] == "30003"


async def test_callbacks_can_come_three_times_and_in_disorder(simulator: SimulatorClient, receiver: Receiver) -> None:
    await simulator.set_script(Script(receipts=Receipts(**QUICK, copies=3, shuffled=True)))
    for number in range(5):
        await send(simulator, To=f"+44740012345{number}", StatusCallback=receiver.url)
    await receiver.until(lambda requests: len(requests) == 45)
    told = statuses(receiver.requests)
    assert Counter(told) == {"queued": 15, "sent": 15, "delivered": 15}
    assert told != sorted(told, key=["queued", "sent", "delivered"].index)


async def test_callbacks_can_come_before_the_reply(simulator: SimulatorClient, receiver: Receiver) -> None:
    await simulator.set_script(Script(receipts=Receipts(**QUICK, before_reply=True)))
    await send(simulator, StatusCallback=receiver.url)
    assert len(receiver.requests) == 3


async def test_callbacks_can_come_late_or_never(simulator: SimulatorClient, receiver: Receiver) -> None:
    never = Receipts(**QUICK, lost=1)
    await simulator.set_script(Script(receipts=never))
    _, lost, _ = await send(simulator, StatusCallback=receiver.url)
    await simulator.set_script(Script(receipts=Receipts(**QUICK, late=Fixed(seconds=0.2))))
    await send(simulator, StatusCallback=receiver.url)
    await receiver.until(lambda requests: len(requests) == 3)
    assert all(lost["sid"].encode() not in request.body for request in receiver.requests)


async def test_a_message_accepted_unknown_to_the_sender_is_told_too(
    simulator: SimulatorClient, receiver: Receiver
) -> None:
    silent = Rule(answer=SendAnswer(kind=AnswerKind.ERROR, status=500, code=20500, accepted=True))
    await simulator.set_script(Script(rules=[silent], receipts=Receipts(**QUICK)))
    status, _, _ = await send(simulator, StatusCallback=f"{receiver.url}?r=abc.1")
    assert status == 500
    await receiver.until(lambda requests: "delivered" in statuses(requests))
    assert await simulator.accepted_count(reference="abc") == 1


@pytest.mark.parametrize("answered", [403, 500, 503])
async def test_an_answer_whatever_its_status_ends_a_callback(
    simulator: SimulatorClient, receiver: Receiver, answered: int
) -> None:
    receiver.status = answered
    await simulator.set_script(Script(receipts=Receipts(**QUICK)))
    await send(simulator, StatusCallback=receiver.url)
    await receiver.until(lambda requests: len(requests) == 3)
    statistics = await simulator.statistics()
    assert statistics["callbacks"] == {"posted": 3, f"answered_{answered}": 3}


async def test_a_callback_nobody_takes_is_tried_twice_and_lost(simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(receipts=Receipts(**QUICK, queued=False)))
    await send(simulator, StatusCallback="http://127.0.0.1:9/status")
    async with asyncio.timeout(10):
        while (statistics := await simulator.statistics())["callbacks"].get("lost", 0) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert statistics["callbacks"] == {"posted": 2, "retried": 2, "lost": 2}
