"""Callbacks of real campaigns, end to end: by steps, at the end, message by message, through a crash."""

import os
import signal
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from heliograph.domain.webhooks import Callback, WebhookKind, WebhookStrategy, moved_a_step
from heliograph.services import webhooks
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.stage import Stage
from tests.services.webhook_receiver import WebhookReceiver, open_webhook_receiver

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

CHANGE, COMPLETION = WebhookStrategy.ON_CHANGE, WebhookStrategy.ON_COMPLETION


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with open_webhook_receiver() as opened:
        yield opened


async def hear(stage: Stage, rehearsal: Rehearsal, url: str, kind: WebhookKind, strategy: WebhookStrategy) -> str:
    made = await webhooks.create_webhook(stage.services, rehearsal.actor, url=url, kinds=[kind], strategy=strategy)
    return made.secret


def told_at(receiver: WebhookReceiver, path: str) -> list[Any]:
    """The bodies that came to a path, each event once."""
    return list({event.id: event.body for event in receiver.taken if event.path == path}.values())


async def test_a_campaign_is_told_by_steps_of_a_fifth_and_once_at_its_end(
    stage: Stage, receiver: WebhookReceiver
) -> None:
    rehearsal = await stage.rehearse(
        300,
        messages_per_second=60,
        campaign_callback=Callback(url=f"{receiver.url}/end", strategy=COMPLETION),
    )
    steps = f"{receiver.url}/steps"
    secret = await hear(stage, rehearsal, steps, WebhookKind.CAMPAIGN, CHANGE)
    await rehearsal.launch()
    await rehearsal.proven()
    await receiver.until(lambda: bool(told_at(receiver, "/hook/end")))
    (end,) = told_at(receiver, "/hook/end")
    assert end == {
        "trackingId": str(rehearsal.campaign_id),
        "name": end["name"],
        "totalRecipients": 300,
        "campaignStatus": "COMPLETED",
        "messageStatuses": {"delivered": 300},
        "callbackInfo": {"url": f"{receiver.url}/end", "strategy": "on-completion"},
    }
    bodies = told_at(receiver, "/hook/steps")
    assert len(bodies) >= 3, "it takes five seconds, and is looked at once a second"
    counts = [body["messageStatuses"] for body in bodies]
    assert all(sum(each.values()) == 300 for each in counts)
    assert all(moved_a_step(before, after, 300) for before, after in pairwise([None, *counts]))
    assert bodies[0]["callbackInfo"] == {"url": steps, "strategy": "on-change"}
    assert bodies[0]["campaignStatus"] == "ACTIVE"
    assert all(event.signed_with(secret) for event in receiver.taken if event.path == "/hook/steps")


async def test_every_message_of_a_campaign_is_told_in_order_also_when_the_worker_is_killed_in_between(
    stage: Stage, receiver: WebhookReceiver
) -> None:
    rehearsal = await stage.rehearse(400, callback=Callback(url=f"{receiver.url}/final", strategy=COMPLETION))
    await hear(stage, rehearsal, receiver.url, WebhookKind.MESSAGE, CHANGE)
    await rehearsal.launch()
    await receiver.until(lambda: len(receiver.taken) > 50)
    receiver.decide = lambda _: None  # silent: what is in flight now was neither taken nor refused
    in_flight = len(receiver.seen)
    await receiver.until(lambda: len(receiver.seen) > in_flight)
    before = stage.stack.parts["worker-control"].pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    receiver.decide = lambda _: 200
    await rehearsal.proven()
    await receiver.until(lambda: len(told_at(receiver, "/hook/final")) == 400, seconds=120)
    finals = [body["messageId"] for body in told_at(receiver, "/hook/final")]
    assert len(set(finals)) == 400
    await receiver.until(
        lambda: sum(body["status"]["name"] == "delivered" for body in told_at(receiver, "/hook")) == 400
    )
    by_message: dict[str, list[str]] = {}
    for body in told_at(receiver, "/hook"):  # what was told before the crash may come again, under its old id
        by_message.setdefault(body["messageId"], []).append(body["status"]["name"])
    order = ["accepted", "sent", "delivered"]
    for states in by_message.values():
        assert states == [state for state in order if state in states]
        assert states[-1] == "delivered"
