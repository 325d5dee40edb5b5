"""The watchdog: who takes messages and tells nothing is named, with what to check."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from bench.ledger_seed import AUTH_TOKEN, SeededRun, seed_run
from heliograph.db import watch
from heliograph.db.engine import Database
from heliograph.db.watch import Silence
from heliograph.domain.vocabulary import Role
from heliograph.errors import Forbidden
from heliograph.providers.protocol import ProviderRequest
from heliograph.secrets import KeyRing
from heliograph.services.callback_connectors import CallbackConnectors
from heliograph.services.context import Actor, Services
from heliograph.services.receipt_batcher import ReceiptBatcher
from heliograph.services.receipts import store, take_status_callback
from heliograph.services.watchdog import describe, read_silences, read_troubles
from heliograph.services.watching import Watch
from heliograph.settings import Settings
from tests.providers.twilio.peer import signed_request

SETTINGS = Settings(silence_seconds=600, public_url="https://heliograph.example")
AN_HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def run(database: Database, key_ring: KeyRing) -> SeededRun:
    """A run on an authenticated Twilio connector."""
    return await seed_run(database, key_ring=key_ring)


async def pass_time(database: Database, span: timedelta) -> None:
    """Makes what was noted so much older."""
    await database.pool.execute(
        """
        UPDATE connector_watch SET heard_at = heard_at - $1::interval, refused_at = refused_at - $1::interval,
            waiting_since = waiting_since - $1::interval
        """,
        span,
    )


async def silences(database: Database) -> list[Silence]:
    return await read_silences(database.pool, SETTINGS)


def told(run: SeededRun, token: str = AUTH_TOKEN) -> ProviderRequest:
    """A callback about some message."""
    url = f"https://heliograph.example/callbacks/{run.callback_token}/status"
    return signed_request(url, {"MessageSid": "SM" + "0a" * 16, "MessageStatus": "delivered"}, token)


async def test_a_connector_without_receipts_is_named_after_the_time_that_is_set(
    database: Database, run: SeededRun
) -> None:
    await watch.note_accepted(database.pool, run.workspace_id, run.connector_id)
    assert await silences(database) == []
    await pass_time(database, timedelta(minutes=9))
    assert await silences(database) == []
    await pass_time(database, timedelta(minutes=2))
    (silence,) = await silences(database)
    assert (silence.connector_id, silence.provider, silence.refused) == (run.connector_id, "twilio", False)
    text = describe(silence, SETTINGS)
    assert text.startswith("no receipts from Twilio for 11 minutes")
    assert "https://heliograph.example" in text
    assert "status page" in text
    assert run.callback_token not in text


async def test_a_receipt_ends_the_silence_and_later_messages_begin_a_new_one(
    database: Database, run: SeededRun
) -> None:
    note = (database.pool, run.workspace_id, run.connector_id)
    await watch.note_accepted(*note)
    await pass_time(database, AN_HOUR)
    await watch.note_heard(*note)
    assert await silences(database) == []
    await pass_time(database, AN_HOUR)
    assert await silences(database) == []  # nothing was sent since
    await watch.note_accepted(*note)
    await pass_time(database, AN_HOUR)
    (silence,) = await silences(database)
    assert AN_HOUR <= silence.lasting < AN_HOUR + timedelta(minutes=1)


async def test_the_first_message_that_waits_decides_not_the_last(database: Database, run: SeededRun) -> None:
    note = (database.pool, run.workspace_id, run.connector_id)
    await watch.note_heard(*note)
    for _ in range(4):
        await pass_time(database, timedelta(minutes=5))
        await watch.note_accepted(*note)
    (silence,) = await silences(database)
    assert timedelta(minutes=15) <= silence.lasting < timedelta(minutes=16)


async def test_a_receipt_and_an_acceptance_at_nearly_the_same_time_are_no_silence(
    database: Database, run: SeededRun
) -> None:
    note = (database.pool, run.workspace_id, run.connector_id)
    await watch.note_heard(*note)
    await watch.note_accepted(*note)
    await pass_time(database, AN_HOUR)
    assert await silences(database) == []


async def test_after_the_receipt_window_nobody_waits_any_more(database: Database, run: SeededRun) -> None:
    await watch.note_accepted(database.pool, run.workspace_id, run.connector_id)
    await pass_time(database, timedelta(days=4))
    assert await silences(database) == []


async def test_a_deleted_connector_is_in_no_trouble(database: Database, run: SeededRun) -> None:
    await watch.note_accepted(database.pool, run.workspace_id, run.connector_id)
    await pass_time(database, AN_HOUR)
    await database.pool.execute("UPDATE connector SET deleted_at = now()")
    assert await silences(database) == []


async def test_a_process_notes_each_fact_once_in_a_while(database: Database, run: SeededRun) -> None:
    noticing = Watch(database)
    await noticing.heard(run.workspace_id, run.connector_id)
    first = await database.pool.fetchval("SELECT heard_at FROM connector_watch")
    await noticing.heard(run.workspace_id, run.connector_id)
    assert await database.pool.fetchval("SELECT heard_at FROM connector_watch") == first
    await noticing.refused(run.workspace_id, run.connector_id)
    assert await database.pool.fetchval("SELECT refused_at FROM connector_watch") is not None


async def test_callbacks_are_heard_and_those_with_a_wrong_signature_are_named_as_the_reason(
    database: Database, key_ring: KeyRing, run: SeededRun
) -> None:
    await watch.note_accepted(database.pool, run.workspace_id, run.connector_id)
    connectors, batcher = CallbackConnectors(database, key_ring), ReceiptBatcher(partial(store, database))
    with pytest.raises(Forbidden):
        await take_status_callback(connectors, batcher, run.callback_token, told(run, "another"))
    await pass_time(database, AN_HOUR)
    (silence,) = await silences(database)
    assert silence.refused
    assert "signature" in describe(silence, SETTINGS)
    await take_status_callback(connectors, batcher, run.callback_token, told(run))
    assert await silences(database) == []
    await batcher.aclose()


async def test_a_workspace_sees_its_own_troubles_alone(services: Services, run: SeededRun, tmp_path: Path) -> None:
    await watch.note_accepted(services.database.pool, run.workspace_id, run.connector_id)
    await pass_time(services.database, AN_HOUR)
    assert set(await read_troubles(services, Actor(run.workspace_id, Role.VIEWER, "viewer"))) == {run.connector_id}
    other = await seed_run(services.database)
    assert await read_troubles(services, Actor(other.workspace_id, Role.VIEWER, "viewer")) == {}
