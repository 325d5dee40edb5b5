"""Polling of a connector whose provider reports nothing, and the life of direct messages after their sending."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client

from heliograph.db import direct, waiting
from heliograph.db.engine import Database
from heliograph.db.moves import total
from heliograph.domain.polling import Next
from heliograph.secrets import KeyRing
from heliograph.services import connectors
from heliograph.services.context import Actor, Services
from heliograph.services.looking_after import askable, look_after, schedule_of, take_to_ask
from heliograph.settings import Settings
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Delivery, Failure, Fixed, Receipts, Script
from tests.services.polled_workspace import LOGIN, PolledWorkspace, polled_workspace
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]

AT_ONCE = Receipts(to_sent=Fixed(seconds=0), to_final=Fixed(seconds=0))
NEVER = Receipts(to_sent=Fixed(seconds=0), to_final=Fixed(seconds=86_400))
A_MINUTE, AN_HOUR, A_WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=7)
AWAY = Script(accounts={LOGIN: AccountScript(failure=Failure(status=503))}, receipts=AT_ONCE)


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, simulator: SimulatorClient, tmp_path: Path
) -> AsyncIterator[Services]:
    """Whose providers are the simulator."""
    await simulator.set_script(Script(receipts=AT_ONCE))
    settings = Settings(data_dir=tmp_path, simulator_url=simulator.url, provider_check_retry_seconds=0.01)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def workplace(services: Services, owner_actor: Actor) -> PolledWorkspace:
    """Where IP2SMS is the way."""
    return await polled_workspace(services, owner_actor)


async def asked_about(services: Services) -> list[bool]:
    """The connectors to ask: of each whether it is urgent."""
    return [each.urgent for each in await waiting.to_ask(services.database.pool, *askable())]


async def test_a_poll_finds_every_final_word_and_nothing_is_left_to_do(
    workplace: PolledWorkspace, simulator: SimulatorClient
) -> None:
    await simulator.set_script(Script(receipts=AT_ONCE, delivery=Delivery(delivered=0.8, undelivered={30005: 0.2})))
    await workplace.send(60)
    assert (await workplace.states()) == {"accepted": 60}
    await workplace.pass_time(A_MINUTE)
    result = await workplace.poll()
    assert (result.asked, result.answered, result.moved) == (60, 60, 60)
    assert (result.through, result.away, result.awaited) == (True, False, False)
    fates = [each.final_status async for each in simulator.accepted_messages()]
    assert await workplace.states() == {status: fates.count(status) for status in set(fates)}
    assert await workplace.waiting() == 0


async def test_a_message_is_asked_about_at_its_ages_and_not_in_between(
    workplace: PolledWorkspace, simulator: SimulatorClient
) -> None:
    await simulator.set_script(Script(receipts=NEVER))
    await workplace.send(3)
    assert (await workplace.poll()).asked == 0  # seconds old
    asked = []
    for _ in range(10):
        await workplace.pass_time(timedelta(seconds=25))
        result = await workplace.poll()
        asked.append(result.asked)
        assert result.awaited
    # ages 25 to 250: past 30, 60, 120, 240
    assert asked == [0, 3, 3, 0, 3, 0, 0, 0, 0, 3]
    assert await workplace.services.database.pool.fetchval("SELECT max(polls) FROM direct_message") == 4


async def test_a_provider_that_is_away_is_asked_again_soon_and_nothing_is_lost(
    workplace: PolledWorkspace, simulator: SimulatorClient
) -> None:
    await workplace.send(5)
    await workplace.pass_time(AN_HOUR)
    await simulator.set_script(AWAY)
    result = await workplace.poll()
    assert (result.asked, result.answered, result.away, result.awaited) == (5, 0, True, True)
    assert (await workplace.poll()).asked == 0
    await simulator.set_script(Script(receipts=AT_ONCE))
    await workplace.pass_time(timedelta(minutes=8))  # an eighth of its age, though its next age is an hour away
    assert (await workplace.poll()).moved == 5


async def test_a_worker_that_dies_between_taking_and_asking_costs_a_pause_and_nothing_else(
    workplace: PolledWorkspace, services: Services
) -> None:
    await workplace.send(4)
    await workplace.pass_time(A_MINUTE)
    looked = await take_to_ask(services.database, services.settings, workplace.connector.id)
    assert len(looked.to_ask) == 4  # and here it dies
    assert (await workplace.poll()).asked == 0
    await workplace.pass_time(A_MINUTE)
    assert (await workplace.poll()).moved == 4
    assert await workplace.waiting() == 0


async def test_a_worker_that_dies_after_the_answers_leaves_rows_that_go_at_their_next_look(
    workplace: PolledWorkspace, services: Services
) -> None:
    (message_id,) = await workplace.send(1)
    await services.database.pool.execute(
        "UPDATE message SET state = 'delivered', final_at = now() WHERE id = $1", message_id
    )
    assert (await look_after(services.database, services.settings)).ended == 0  # its time has not come
    await workplace.pass_time(A_MINUTE)
    assert (await look_after(services.database, services.settings)).ended == 1
    assert await workplace.waiting() == 0


async def test_when_the_window_is_over_a_message_without_a_final_word_is_unconfirmed(
    workplace: PolledWorkspace, services: Services
) -> None:
    await workplace.send(2)
    await workplace.pass_time(A_WEEK)
    assert total((await look_after(services.database, services.settings)).unconfirmed) == 2
    assert await workplace.states() == {"unconfirmed": 2}
    assert await workplace.waiting() == 0
    assert await asked_about(services) == []


async def test_what_is_to_be_asked_about_is_left_for_the_poll_by_who_only_looks(
    workplace: PolledWorkspace, services: Services
) -> None:
    await workplace.send(2)
    assert await asked_about(services) == [False]  # awaited, not due
    await workplace.pass_time(A_MINUTE)
    looked = await look_after(services.database, services.settings)
    assert (looked.ended, looked.unconfirmed) == (0, ())
    assert await asked_about(services) == [True]
    assert (await workplace.poll()).moved == 2


async def test_messages_of_a_deleted_connector_are_not_asked_about_and_end_all_the_same(
    workplace: PolledWorkspace, services: Services
) -> None:
    await workplace.send(1)
    await connectors.delete_connector(services, workplace.actor, workplace.connector.id)
    await workplace.pass_time(AN_HOUR)
    await look_after(services.database, services.settings)
    assert await asked_about(services) == []
    await workplace.pass_time(A_WEEK)
    await look_after(services.database, services.settings)
    assert await workplace.states() == {"unconfirmed": 1}


async def test_doubt_that_a_receipt_settled_is_left_and_doubt_that_lasts_is_given_up(
    workplace: PolledWorkspace, services: Services
) -> None:
    sent = await workplace.send(3)
    pool = services.database.pool
    await pool.execute("UPDATE direct_message SET step = 'decide'")
    async with services.database.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")  # past the guard of the ledger
        await connection.execute("UPDATE message SET state = 'in_doubt' WHERE id = ANY ($1)", sent[1:])
        await connection.execute(
            "UPDATE message SET status_changed_at = now() - interval '9 days' WHERE id = $1", sent[2]
        )
    async with services.database.transaction() as connection:
        assert total(await waiting.leave_doubt(connection, A_WEEK, 100)) == 1
    steps = {
        row["message_id"]: row["step"] for row in await pool.fetch("SELECT message_id, step::text FROM direct_message")
    }
    assert steps == {sent[0]: "await", sent[1]: "decide"}
    assert await workplace.states() == {"accepted": 1, "in_doubt": 1, "unknown": 1}


async def test_follow_parts_doubt_from_waiting(workplace: PolledWorkspace, services: Services) -> None:
    sent = await workplace.send(2)
    async with services.database.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("UPDATE message SET state = 'in_doubt' WHERE id = $1", sent[0])
        await direct.follow(connection, [(workplace.actor.workspace_id, each) for each in sent], A_MINUTE)
    rows = await services.database.pool.fetch("SELECT message_id, step::text FROM direct_message")
    assert {row["message_id"]: row["step"] for row in rows} == {sent[0]: "decide", sent[1]: "await"}


def test_a_provider_that_reports_by_itself_is_asked_later_and_one_that_cannot_be_asked_never() -> None:
    settings = Settings()
    assert schedule_of(settings, "ip2sms").ages[0] == settings.poll_seconds
    assert schedule_of(settings, "twilio").ages[0] == settings.first_poll_seconds
    gone = schedule_of(settings, "no longer installed")
    assert {gone.look(state, 600).next for state in ("accepted", "sent")} == {Next.WAIT}  # type: ignore[arg-type]
