"""The pump against a real receiver: order, repetition, trouble, dead letters."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from heliograph.db.engine import Database
from heliograph.db.webhook_queue import standing, waiting_webhooks
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy
from heliograph.secrets import KeyRing
from heliograph.services import webhooks
from heliograph.services.context import Actor, Services
from heliograph.services.webhook_pump import WebhookPump, Worked
from heliograph.settings import Settings
from tests.db.ledger import Seeded, seed_run
from tests.services.webhook_receiver import Event, WebhookReceiver, open_webhook_receiver

CHANGE, COMPLETION = WebhookStrategy.ON_CHANGE, WebhookStrategy.ON_COMPLETION


@dataclass
class Desk:
    """A workspace with a run, and receivers that its webhooks lead to."""

    services: Services
    actor: Actor
    run: Seeded
    database: Database
    key_ring: KeyRing
    doors: AsyncExitStack

    async def receiver(self) -> WebhookReceiver:
        return await self.doors.enter_async_context(open_webhook_receiver())

    async def webhook(self, receiver: WebhookReceiver, strategy: WebhookStrategy = CHANGE) -> webhooks.WebhookSecret:
        services = Services(self.settings(receiver), self.database, self.key_ring, self.services.temporal)
        kinds = [WebhookKind.MESSAGE]
        return await webhooks.create_webhook(services, self.actor, url=receiver.url, kinds=kinds, strategy=strategy)

    def settings(self, *receivers: WebhookReceiver, **rest: Any) -> Settings:
        return Settings(reachable_hosts=tuple(each.host for each in receivers), **rest)

    def pump(self, *receivers: WebhookReceiver, **rest: Any) -> WebhookPump:
        pump = WebhookPump(self.database, self.key_ring, self.settings(*receivers, **rest))
        self.doors.push_async_callback(pump.aclose)
        return pump

    async def move(self, *states: str) -> None:
        """Takes every message of the run through these states, each in a commit of its own."""
        for state in states:
            await self.database.pool.execute(
                "UPDATE message SET state = $2::text::message_state, attempt = 1, body = 'Hello', parts = 1, "
                "accepted_at = coalesce(accepted_at, now()), status_changed_at = now() WHERE run_id = $1",
                *(self.run.run_id, state),
            )

    async def row(self, webhook_id: UUID) -> Any:
        return await self.database.pool.fetchrow("SELECT * FROM webhook WHERE id = $1", webhook_id)

    async def letters(self, where: str = "true") -> list[Any]:
        rows: list[Any] = await self.database.pool.fetch(
            f"SELECT * FROM webhook_delivery WHERE {where} ORDER BY position"
        )
        return rows

    async def pass_time(self, webhook_id: UUID) -> timedelta:
        """Moves on to the end of the webhook's pause; how long that was. Callbacks that wait for longer wait less."""
        pause: timedelta = await self.database.pool.fetchval(
            "SELECT blocked_until - now() FROM webhook WHERE id = $1", webhook_id
        )
        await self.database.pool.execute("UPDATE webhook SET blocked_until = now() WHERE id = $1", webhook_id)
        await self.database.pool.execute(
            "UPDATE webhook_delivery SET available_at = available_at - $2::interval WHERE webhook_id = $1",
            *(webhook_id, pause),
        )
        return pause

    async def later(self) -> None:
        """Some minutes on: nothing is postponed any more."""
        await self.database.pool.execute("UPDATE webhook_delivery SET available_at = now()")
        await self.database.pool.execute("UPDATE webhook SET blocked_until = NULL")


@pytest_asyncio.fixture
async def desk(database: Database, services: Services, key_ring: KeyRing) -> AsyncIterator[Desk]:
    run = await seed_run(database, 5)
    async with AsyncExitStack() as doors:
        actor = Actor(run.workspace_id, "owner", "owner")  # type: ignore[arg-type]
        yield Desk(services, actor, run, database, key_ring, doors)


async def work(pump: WebhookPump, webhook_id: UUID) -> Worked:
    return await pump.work(webhook_id, linger_seconds=0)


def failing(status: int | None) -> Callable[[Event], int | None]:
    return lambda _: status


async def test_a_message_is_told_with_exactly_the_fields_that_were_promised(desk: Desk) -> None:
    receiver = await desk.receiver()
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    assert await work(desk.pump(receiver), made.webhook.id) == Worked(told=5)
    event = receiver.taken[0]
    assert event.signed_with(made.secret)
    assert not event.signed_with("another")
    assert event.headers["content-type"] == "application/json"
    assert event.headers["heliograph-event-kind"] == "message"
    body = event.body
    assert list(body) == [
        *("messageId", "smsId", "campaignTrackingId", "part", "parts", "label", "to", "from", "country", "operator"),
        *("groups", "campaignName", "status", "message", "applicationName", "latency", "price", "direction"),
        "originatingService",
    ]
    row = await desk.database.pool.fetchrow("SELECT * FROM message WHERE id = $1", UUID(body["messageId"]))
    assert body["to"] == row["address"]
    assert body["campaignTrackingId"] == str(desk.run.campaign_id)
    assert (body["part"], body["parts"], body["message"]) == (1, 1, "Hello")
    assert 0 <= body["latency"] < 60
    assert (body["price"], body["operator"]) == (None, None)
    assert (body["direction"], body["originatingService"]) == ("outbound", "campaign")
    assert list(body["status"]) == ["name", "reason", "updatedDate"]
    assert body["status"]["name"] == "accepted"
    assert list(body["status"]["reason"]) == ["detailedStatus", "description"]


async def test_a_receiver_that_was_down_for_an_hour_gets_everything_in_order_per_message(desk: Desk) -> None:
    receiver = await desk.receiver()
    receiver.decide = failing(503)
    made = await desk.webhook(receiver)
    pump = desk.pump(receiver)
    down, steps = timedelta(0), iter(("accepted", "sent", "undelivered", "delivered"))
    await desk.move("claimed")
    while down < timedelta(hours=1):
        await desk.move(*filter(None, [next(steps, "")]))
        assert await work(pump, made.webhook.id) == Worked(told=0)
        assert await work(pump, made.webhook.id) == Worked(told=0), "it is left alone meanwhile"
        down += await desk.pass_time(made.webhook.id)
    tries = len(receiver.seen)
    assert tries < 30, "one callback a pause, and those of the first batch"
    receiver.decide = failing(200)
    told = (await work(pump, made.webhook.id)).told
    await desk.later()
    assert told + (await work(pump, made.webhook.id)).told == 20
    assert list(receiver.states().values()) == [["accepted", "sent", "undelivered", "delivered"]] * 5
    assert len(receiver.taken) == 20
    assert await desk.letters() == []
    row = await desk.row(made.webhook.id)
    assert (row["failures"], row["failing_since"], row["last_error"], row["delivered"]) == (0, None, None, 20)


async def test_who_looks_after_a_webhook_sees_its_trouble_and_when_it_is_tried_again(desk: Desk) -> None:
    receiver = await desk.receiver()
    receiver.decide = lambda _: 503
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    await work(desk.pump(receiver), made.webhook.id)
    found = await standing(desk.database.pool, made.webhook.id)
    assert found is not None
    assert (found.url, found.waiting, found.trouble) == (receiver.url, 5, "answered HTTP 503")
    assert found.next_try_at is not None
    assert await standing(desk.database.pool, desk.run.run_id) is None


async def test_the_event_id_stays_the_same_over_retries(desk: Desk) -> None:
    receiver = await desk.receiver()
    receiver.decide = lambda event: 500 if event.headers["heliograph-try"] == "1" else 200
    made = await desk.webhook(receiver, COMPLETION)
    await desk.database.pool.execute("DELETE FROM message WHERE number > 1")
    await desk.move("claimed", "accepted", "delivered")
    pump = desk.pump(receiver)
    await work(pump, made.webhook.id)
    await desk.later()
    await work(pump, made.webhook.id)
    first, second = receiver.seen
    assert (first.id, first.raw) == (second.id, second.raw)
    assert second.headers["heliograph-try"] == "2"


async def test_a_callback_that_is_refused_holds_up_its_own_message_alone(desk: Desk) -> None:
    receiver = await desk.receiver()
    bad = await desk.database.pool.fetchval("SELECT id FROM message WHERE number = 3")
    receiver.decide = lambda event: 400 if event.body["messageId"] == str(bad) else 200
    made = await desk.webhook(receiver)
    pump = desk.pump(receiver)
    await desk.move("claimed", "accepted", "sent")
    assert (await work(pump, made.webhook.id)).told == 8
    assert (await desk.row(made.webhook.id))["last_error"] == "answered HTTP 400"
    await desk.move("delivered")
    assert (await work(pump, made.webhook.id)).told == 4
    (refused, *behind) = await desk.letters()
    assert (refused["tries"], refused["last_error"]) == (1, "answered HTTP 400")
    assert [each["tries"] for each in behind] == [0, 0]
    receiver.decide = failing(200)
    await desk.later()
    assert (await work(pump, made.webhook.id)).told == 3
    assert receiver.states()[str(bad)] == ["accepted", "sent", "delivered"]


async def test_a_callback_that_upsets_its_endpoint_each_time_does_not_hold_up_the_others(desk: Desk) -> None:
    receiver = await desk.receiver()
    bad = await desk.database.pool.fetchval("SELECT id FROM message WHERE number = 1")
    receiver.decide = lambda event: 500 if event.body["messageId"] == str(bad) else 200
    made = await desk.webhook(receiver)
    pump = desk.pump(receiver, webhook_connections=1, webhook_give_up_seconds=3_600)
    await desk.move("claimed", "accepted", "sent")
    await work(pump, made.webhook.id)
    await desk.pass_time(made.webhook.id)
    await work(pump, made.webhook.id)
    assert len(receiver.taken) == 8
    assert [each["content"]["state"] for each in await desk.letters()] == ["accepted", "sent"]
    await desk.database.pool.execute(
        "UPDATE webhook_delivery SET available_at = now(), failing_since = now() - interval '1 hour' WHERE tries > 0"
    )
    await work(pump, made.webhook.id)
    (dead, waiting) = await desk.letters()
    assert (dead["dead_at"] is None, waiting["dead_at"] is None) == (False, True)


async def test_a_webhook_is_not_woken_for_what_waits_behind_a_postponed_callback(desk: Desk) -> None:
    receiver = await desk.receiver()
    receiver.decide = failing(400)
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    assert await waiting_webhooks(desk.database.pool) == [made.webhook.id]
    await work(desk.pump(receiver), made.webhook.id)
    await desk.move("delivered")
    assert await waiting_webhooks(desk.database.pool) == []


async def test_a_silent_receiver_does_not_hold_up_another_webhook(desk: Desk) -> None:
    silent, lively = await desk.receiver(), await desk.receiver()
    silent.decide = failing(None)
    held, free = await desk.webhook(silent), await desk.webhook(lively)
    pump = desk.pump(silent, lively, webhook_timeout_seconds=1)
    await desk.move("claimed", "accepted")
    slow = asyncio.create_task(work(pump, held.webhook.id))
    assert (await work(pump, free.webhook.id)).told == 5
    assert not slow.done()
    assert (await slow).told == 0
    assert "did not answer in time" in (await desk.row(held.webhook.id))["last_error"]


async def test_what_a_killed_pump_had_in_flight_is_told_again_under_the_same_ids(desk: Desk) -> None:
    receiver = await desk.receiver()
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted", "delivered")
    receiver.decide = failing(None)
    killed = asyncio.create_task(work(desk.pump(receiver), made.webhook.id))
    await receiver.until(lambda: len(receiver.seen) == 5)
    killed.cancel()
    with suppress(asyncio.CancelledError):
        await killed
    other = desk.pump(receiver)
    receiver.decide = failing(200)
    assert await work(other, made.webhook.id) == Worked(told=0), "until its lease has run out"
    await desk.database.pool.execute("UPDATE webhook SET pump_until = now() - interval '1 second'")
    assert await work(other, made.webhook.id) == Worked(told=10)
    assert {event.id for event in receiver.seen[:5]} <= {event.id for event in receiver.taken}
    assert list(receiver.states().values()) == [["accepted", "delivered"]] * 5


async def test_two_pumps_never_work_one_webhook_at_once(desk: Desk) -> None:
    receiver = await desk.receiver()
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted", "delivered")
    worked = await asyncio.gather(*(work(desk.pump(receiver), made.webhook.id) for _ in range(4)))
    assert sum(each.told for each in worked) == 10
    assert len(receiver.seen) == 10


async def test_an_endpoint_that_failed_too_long_leaves_dead_letters_that_can_be_replayed(desk: Desk) -> None:
    receiver = await desk.receiver()
    receiver.decide = failing(500)
    made = await desk.webhook(receiver)
    pump = desk.pump(receiver, webhook_give_up_seconds=3_600)
    await desk.move("claimed", "accepted")
    await work(pump, made.webhook.id)
    assert await desk.letters("dead_at IS NOT NULL") == []
    await desk.database.pool.execute("UPDATE webhook SET failing_since = now() - interval '1 hour'")
    await desk.database.pool.execute("UPDATE webhook_delivery SET created_at = now() - interval '1 hour'")
    await desk.move("sent")
    await desk.later()
    await work(pump, made.webhook.id)
    dead = await desk.letters("dead_at IS NOT NULL")
    assert [each["content"]["state"] for each in dead] == ["accepted"] * 5
    assert {each["last_error"] for each in dead} == {"answered HTTP 500"}
    receiver.decide = failing(200)
    await desk.later()
    assert await webhooks.replay_dead_letters(desk.services, desk.actor, made.webhook.id, [dead[0]["id"]]) == 1
    assert await work(pump, made.webhook.id) == Worked(told=6)
    assert await webhooks.replay_dead_letters(desk.services, desk.actor, made.webhook.id) == 4
    assert await work(pump, made.webhook.id) == Worked(told=4)
    assert {event.id for event in receiver.taken} >= {str(each["id"]) for each in dead}


async def test_a_callback_that_was_refused_too_long_is_given_up(desk: Desk) -> None:
    receiver = await desk.receiver()
    receiver.decide = failing(422)
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    pump = desk.pump(receiver, webhook_give_up_seconds=3_600)
    await work(pump, made.webhook.id)
    await desk.database.pool.execute(
        "UPDATE webhook_delivery SET available_at = now(), failing_since = now() - interval '2 hours'"
    )
    await work(pump, made.webhook.id)
    assert len(await desk.letters("dead_at IS NOT NULL")) == 5
    assert (await desk.row(made.webhook.id))["failures"] == 0, "the endpoint answers: it is in no trouble"


async def test_a_private_address_is_not_reached_unless_the_operator_lists_it(desk: Desk) -> None:
    receiver = await desk.receiver()
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    assert await work(desk.pump(), made.webhook.id) == Worked(told=0)
    assert receiver.seen == []
    assert "private or local address" in (await desk.row(made.webhook.id))["last_error"]


async def test_a_redirect_is_not_followed(desk: Desk) -> None:
    receiver, elsewhere = await desk.receiver(), await desk.receiver()
    receiver.decide, receiver.headers = failing(307), {"location": elsewhere.url}
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    await work(desk.pump(receiver, elsewhere), made.webhook.id)
    assert elsewhere.seen == []
    assert {each["last_error"] for each in await desk.letters()} == {"answered HTTP 307"}


@pytest.mark.parametrize(("header", "seconds"), [("120", 120), ("999999999", 3_600), ("soon", 1), ("", 1)])
async def test_a_receiver_may_say_when_to_come_back(desk: Desk, header: str, seconds: float) -> None:
    receiver = await desk.receiver()
    receiver.decide, receiver.headers = failing(429), {"retry-after": header}
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    await work(desk.pump(receiver), made.webhook.id)
    pause = await desk.pass_time(made.webhook.id)
    assert seconds - 30 < pause.total_seconds() <= seconds


async def test_for_a_while_after_a_rotation_both_secrets_sign(desk: Desk) -> None:
    receiver = await desk.receiver()
    made = await desk.webhook(receiver)
    renewed = await webhooks.rotate_secret(desk.services, desk.actor, made.webhook.id)
    await desk.move("claimed", "accepted")
    pump = desk.pump(receiver)
    await work(pump, made.webhook.id)
    assert receiver.taken[0].signed_with(made.secret)
    assert receiver.taken[0].signed_with(renewed.secret)
    await desk.database.pool.execute("UPDATE webhook SET earlier_until = now()")
    await desk.move("sent")
    await work(pump, made.webhook.id)
    assert receiver.taken[-1].signed_with(renewed.secret)
    assert not receiver.taken[-1].signed_with(made.secret)


async def test_a_deleted_webhook_tells_nothing_and_leaves_nothing(desk: Desk) -> None:
    receiver = await desk.receiver()
    made = await desk.webhook(receiver)
    await desk.move("claimed", "accepted")
    await webhooks.delete_webhook(desk.services, desk.actor, made.webhook.id)
    await desk.move("sent")
    assert await work(desk.pump(receiver), made.webhook.id) == Worked(told=0, gone=True)
    assert receiver.seen == []
    assert await desk.letters() == []
    (told,) = await desk.database.pool.fetch("SELECT topic, key FROM outbox")
    assert tuple(told) == ("webhook.wake", str(made.webhook.id)), "its workflow ends"
