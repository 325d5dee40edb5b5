"""Delivery reports (E4), told to a real ActiveMQ: in their form, at least once, and none lost while it is away."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.delivery_reports import DeliveryReportActivities
from heliograph.contracts import DeliveryReportResult
from heliograph.db import delivery_reports
from heliograph.db.delivery_reports import EndedMessage
from heliograph.db.engine import Database
from heliograph.errors import InvalidInput, Unavailable
from heliograph.ids import new_id
from heliograph.services.delivery_reports import Broker, Reporter, Told, report_of
from heliograph.settings import Settings
from tests.db.ledger import Seeded, seed_run
from tests.services.broker import QUEUE, TestBroker, a_broker, body_of

HOLD = timedelta(minutes=1)


@pytest.fixture(scope="module")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBroker]:
    """One broker for all tests that do not stop it."""
    with a_broker(tmp_path_factory.mktemp("activemq")) as broker:
        broker.start()
        yield broker


@pytest_asyncio.fixture
async def seeded(database: Database) -> Seeded:
    """A run of 20 messages, all queued."""
    return await seed_run(database, 20)


async def expected(database: Database, seeded: Seeded, count: int = 20) -> list[UUID]:
    """So many messages, whose end is to be told."""
    rows = await database.pool.fetch("SELECT id FROM message ORDER BY number LIMIT $1", count)
    ids = [row["id"] for row in rows]
    async with database.transaction() as connection:
        await delivery_reports.expect(connection, seeded.workspace_id, ids, "smpp")
    return ids


async def end(database: Database, ids: list[UUID], state: str, **columns: str) -> None:
    """The messages come to this state, by the way that states allow."""
    told = state in {"delivered", "undelivered", "failed"}
    for step in ["claimed", "accepted", state] if told else [state]:
        await database.pool.execute("UPDATE message SET state = $2 WHERE id = ANY ($1)", ids, step)
    for name, value in columns.items():
        await database.pool.execute(f"UPDATE message SET {name} = $2 WHERE id = ANY ($1)", ids, value)


async def look_again(database: Database) -> None:
    """As if the next look at every report were due."""
    await database.pool.execute("UPDATE delivery_report SET due_at = now()")


async def left(database: Database) -> int:
    count: int = await database.pool.fetchval("SELECT count(*) FROM delivery_report")
    return count


# -- what is said


def ended(state: str, **more: str | None) -> EndedMessage:
    nothing: dict[str, str | None] = {"reason": None, "provider_status": None, "error_code": None}
    fields = {**nothing, **more}
    return EndedMessage(
        new_id(), UUID(int=7), "smpp", state, fields["reason"], fields["provider_status"], fields["error_code"]
    )


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (ended("delivered", provider_status="DELIVRD"), "DELIVERED", "DELIVRD"),
        (ended("undelivered", provider_status="undelivered", error_code="30003"), "FAILED", "30003"),
        (ended("failed", provider_status="failed"), "FAILED", "failed"),
        (ended("rejected", error_code="21610"), "FAILED", "21610"),
        (ended("suppressed", reason="opt_out"), "FAILED", "opt_out"),
        (ended("expired", reason="too_late"), "FAILED", "too_late"),
        (ended("unconfirmed", provider_status="sent"), "FAILED", "unconfirmed"),
        (ended("unknown", error_code="timeout"), "FAILED", "unknown"),
        (ended("delivered"), "DELIVERED", "delivered"),
    ],
)
def test_a_report_has_three_fields(message: EndedMessage, status: str, code: str) -> None:
    assert report_of(message).decode() == (
        f'{{"MessageSID":"{message.message_id}","DeliveryStatus":"{status}","ProviderStatusCode":"{code}"}}'
    )


# -- where to


def test_a_broker_is_read_from_its_address() -> None:
    broker = Broker.read("stomp://ada:p%40ss%3A@one.example:7000, stomp://two.example", QUEUE)
    one, two = broker.servers
    assert (one.host, one.port, one.login, one.unescaped_passcode) == ("one.example", 7000, "ada", "p@ss:")
    assert (two.host, two.port, two.login) == ("two.example", 61613, "")
    assert (broker.tls, broker.destination) == (None, "/queue/delivery-report")
    assert Broker.read("stomp+ssl://one.example", QUEUE).tls is True


@pytest.mark.parametrize(
    "address",
    ["", "one.example", "http://one.example", "stomp://", "stomp://h:port", "stomp://h:99999", "stomp://u:secret@h/x"],
)
def test_an_address_that_cannot_be_read_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(InvalidInput, match="HELIOGRAPH_DELIVERY_REPORT_BROKER") as refused:
        Broker.read(address, QUEUE)
    assert "secret" not in str(refused.value)


def test_tls_is_for_all_servers_or_none() -> None:
    with pytest.raises(InvalidInput, match="all use TLS"):
        Broker.read("stomp://one.example,stomp+ssl://two.example", QUEUE)


# -- when


async def test_a_message_that_goes_on_is_looked_at_again_later(database: Database, seeded: Seeded) -> None:
    await expected(database, seeded)
    assert await delivery_reports.take_ended(database.pool, 100, HOLD) == []
    earliest, latest = await database.pool.fetchrow(
        "SELECT min(due_at) > now() + interval '0.3 s', max(due_at) < now() + interval '2 s' FROM delivery_report"
    )
    assert (earliest, latest) == (True, True)
    await database.pool.execute("UPDATE delivery_report SET due_at = now(), created_at = now() - interval '1 day'")
    assert await delivery_reports.take_ended(database.pool, 100, HOLD) == []
    assert await database.pool.fetchval("SELECT max(due_at) <= now() + interval '1 minute' FROM delivery_report")


async def test_what_has_ended_is_taken_by_one_and_again_after_the_hold(database: Database, seeded: Seeded) -> None:
    ids = await expected(database, seeded)
    await end(database, ids[:5], "cancelled", reason="by_request")
    taken = await delivery_reports.take_ended(database.pool, 100, HOLD)
    assert {each.message_id for each in taken} == set(ids[:5])
    assert await delivery_reports.take_ended(database.pool, 100, HOLD) == []
    await look_again(database)
    again = await delivery_reports.take_ended(database.pool, 100, HOLD)
    assert {each.message_id for each in again} == set(ids[:5])
    await delivery_reports.forget(database.pool, again)
    assert await left(database) == 15


async def test_two_at_once_take_different_ones(database: Database, seeded: Seeded) -> None:
    ids = await expected(database, seeded)
    await end(database, ids, "cancelled")
    one, other = await asyncio.gather(
        delivery_reports.take_ended(database.pool, 10, HOLD), delivery_reports.take_ended(database.pool, 10, HOLD)
    )
    taken = [each.message_id for each in one + other]
    assert len(taken) == len(set(taken))


# -- told to a real broker


async def test_a_report_is_persistent_text_with_the_channel_as_its_type(
    database: Database, seeded: Seeded, running_broker: TestBroker
) -> None:
    ids = await expected(database, seeded, 2)
    await end(database, ids[:1], "delivered", provider_status="DELIVRD")
    async with Reporter.connected(database, Broker.read(running_broker.address, QUEUE)) as reporter:
        assert await reporter.tell_some() == Told(1)
    assert await left(database) == 1
    (message,) = await running_broker.take(1, selector="JMSType='smpp'")
    assert body_of(message) == {
        "MessageSID": str(ids[0]),
        "DeliveryStatus": "DELIVERED",
        "ProviderStatusCode": "DELIVRD",
    }
    assert message.headers["persistent"] == "true"  # type: ignore[typeddict-item]
    assert message.headers["type"] == "smpp"  # type: ignore[typeddict-item]
    assert message.headers["correlation-id"] == str(ids[0])  # type: ignore[typeddict-item]


async def test_to_a_jms_consumer_a_report_is_a_text_message(
    database: Database, seeded: Seeded, running_broker: TestBroker
) -> None:
    ids = await expected(database, seeded, 1)
    await end(database, ids, "failed", error_code="30003")
    async with Reporter.connected(database, Broker.read(running_broker.address, QUEUE)) as reporter:
        await reporter.tell_some()
    (text,) = await asyncio.to_thread(running_broker.take_by_jms, 1)
    assert text == f'{{"MessageSID":"{ids[0]}","DeliveryStatus":"FAILED","ProviderStatusCode":"30003"}}'


async def test_a_broker_that_refuses_us_is_told_without_the_password(
    database: Database, running_broker: TestBroker
) -> None:
    wrong = running_broker.address.replace("heliograph:", "heliograph:not-")
    with pytest.raises(Unavailable, match="cannot be reached") as refused:
        async with Reporter.connected(database, Broker.read(wrong, QUEUE)):
            pass
    assert "password" not in str(refused.value)


# -- the activity, while the broker comes and goes


class Reporting:
    """The activity, running beside the test."""

    def __init__(self, database: Database, broker: TestBroker) -> None:
        self._environment = ActivityEnvironment()
        settings = Settings(delivery_report_broker=SecretStr(broker.address))
        activities = DeliveryReportActivities(database, settings)
        self._task = asyncio.create_task(self._environment.run(activities.send_delivery_reports))

    async def stop(self) -> DeliveryReportResult:
        """As a worker that stops."""
        self._environment.worker_shutdown()
        async with asyncio.timeout(30):
            return await self._task


async def until_told(database: Database, remaining: int = 0) -> None:
    async with asyncio.timeout(60):
        while await left(database) > remaining:  # noqa: ASYNC110 - told by another task
            await asyncio.sleep(0.05)


async def test_reports_wait_for_a_broker_that_is_away_and_survive_its_death(
    database: Database, seeded: Seeded, tmp_path: Path
) -> None:
    ids = await expected(database, seeded)
    with a_broker(tmp_path / "activemq") as broker:
        await end(database, ids[:10], "delivered", provider_status="delivered")
        reporting = Reporting(database, broker)  # nobody listens yet
        await asyncio.sleep(1.5)
        assert await left(database) == 20
        await asyncio.to_thread(broker.start)
        await look_again(database)
        await until_told(database, 10)

        broker.stop(signal.SIGKILL)
        await end(database, ids[10:], "cancelled", reason="by_request")
        await look_again(database)
        await asyncio.sleep(1.5)
        assert await left(database) == 10
        await asyncio.to_thread(broker.start)
        await look_again(database)
        await until_told(database)
        result = await reporting.stop()
        assert (result.told, result.configured) == (20, True)

        messages = [body_of(message) for message in await broker.take(20)]
    assert {message["MessageSID"] for message in messages} == {str(each) for each in ids}
    statuses = {message["MessageSID"]: message["DeliveryStatus"] for message in messages}
    assert [statuses[str(each)] for each in ids] == ["DELIVERED"] * 10 + ["FAILED"] * 10


async def test_without_a_broker_the_activity_ends_at_once(database: Database) -> None:
    activities = DeliveryReportActivities(database, Settings())
    result = await ActivityEnvironment().run(activities.send_delivery_reports)
    assert result == DeliveryReportResult(told=0, configured=False)
