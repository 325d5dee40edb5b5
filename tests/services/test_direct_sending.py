"""Direct messages that are claimed: each is handed over or given back, whatever happens to who claimed them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.db import direct
from heliograph.db.engine import Database
from heliograph.db.moves import total
from heliograph.domain.vocabulary import Category, Channel
from heliograph.ids import new_id
from heliograph.providers.protocol import ProviderConnection
from heliograph.rendering.cache import TemplateCache
from heliograph.secrets import KeyRing
from heliograph.services import connectors, messages, senders
from heliograph.services.connections import Connections
from heliograph.services.context import Actor, Services
from heliograph.services.inbox import ConnectorInbox
from heliograph.services.message_requests import MessageRequest
from heliograph.services.sending import SendingEngine
from heliograph.settings import Settings
from heliograph.simulator.client import SimulatorClient
from tests.campaigns.stage import until
from tests.services.polled_workspace import PolledWorkspace, polled_workspace
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, simulator: SimulatorClient, tmp_path: Path
) -> AsyncIterator[Services]:
    """Whose providers are the simulator."""
    settings = Settings(data_dir=tmp_path, simulator_url=simulator.url, provider_check_retry_seconds=0.01)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def workplace(services: Services, owner_actor: Actor) -> PolledWorkspace:
    """Where IP2SMS is the way."""
    return await polled_workspace(services, owner_actor)


async def _queue(workplace: PolledWorkspace, sender_id: UUID, count: int) -> None:
    wanted = [
        MessageRequest(to=f"+38063{number:07}", body="Hello", category=Category.TRANSACTIONAL, sender_id=sender_id)
        for number in range(count)
    ]
    await messages.queue_messages(workplace.services, workplace.actor, wanted, key=str(new_id()))


def _engine(services: Services, connections: Connections | None = None) -> SendingEngine:
    return SendingEngine(services.database, connections or services.connections, TemplateCache(), services.settings)


async def _sender_of_a_provider_that_is_gone(workplace: PolledWorkspace) -> UUID:
    """Its messages can be queued until `_uninstall`."""
    services, actor = workplace.services, workplace.actor
    connector = await connectors.create_connector(services, actor, provider_key="twilio", channel=Channel.SMS)
    credentials = {"account_sid": f"AC{new_id().hex}", "auth_token": "5" * 32}
    await connectors.save_credentials(services, actor, connector.id, credentials)
    sender = await senders.create_sender(
        services,
        actor,
        connector_id=connector.id,
        kind="long_code",
        address="+14155550199",
        category=Category.TRANSACTIONAL,
    )
    return sender.id


async def test_a_way_that_nobody_can_go_keeps_no_other_message_and_puts_none_in_doubt(
    workplace: PolledWorkspace, services: Services
) -> None:
    gone = await _sender_of_a_provider_that_is_gone(workplace)
    await _queue(workplace, gone, 2)  # due first
    await _queue(workplace, workplace.sender_id, 3)
    await services.database.pool.execute("UPDATE connector SET provider = 'gone' WHERE provider = 'twilio'")
    engine = _engine(services)
    async with engine.running():
        assert await engine.direct.send_due(Category.TRANSACTIONAL) == 5
    assert await workplace.states() == {"queued": 2, "accepted": 3}


async def test_messages_whose_turn_has_not_come_are_given_back_when_the_process_stops(
    workplace: PolledWorkspace, services: Services
) -> None:
    await services.database.pool.execute("UPDATE connector SET messages_per_second = 0.5")
    await _queue(workplace, workplace.sender_id, 6)
    engine = _engine(services)
    async with engine.running():
        assert await engine.direct.send_due(Category.TRANSACTIONAL) == 6
    assert (await workplace.states()).keys() <= {"queued", "accepted"}


class _Hesitant(Connections):
    """Opens nothing before it is told to."""

    def __init__(self, services: Services) -> None:
        super().__init__(
            services.database, services.key_ring, services.settings, partial(ConnectorInbox, services.database)
        )
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def get(self, connector_id: UUID) -> ProviderConnection:
        self.asked.set()
        await self.go.wait()
        return await super().get(connector_id)


@pytest.mark.parametrize("stopping", [False, True])
async def test_who_is_cancelled_between_claim_and_call_loses_no_message(
    workplace: PolledWorkspace, services: Services, stopping: bool
) -> None:
    async def all_accepted() -> bool:
        return await workplace.states() == {"accepted": 4}

    await _queue(workplace, workplace.sender_id, 4)
    hesitant = _Hesitant(services)
    engine = _engine(services, hesitant)
    async with engine.running():
        sending = asyncio.create_task(engine.direct.send_due(Category.TRANSACTIONAL))
        await hesitant.asked.wait()
        sending.cancel()
        await asyncio.wait([sending])
        assert sending.cancelled()
        if stopping:
            asyncio.get_running_loop().call_later(0.1, hesitant.go.set)
        else:
            hesitant.go.set()
            await until(all_accepted, "all are accepted")
    await hesitant.aclose()
    assert await workplace.states() == ({"queued": 4} if stopping else {"accepted": 4})


async def test_an_expired_lease_does_not_wait_for_who_records_its_message_just_now(
    workplace: PolledWorkspace, services: Services
) -> None:
    await _queue(workplace, workplace.sender_id, 2)
    pool = services.database.pool
    claimed = (await direct.claim(pool, Category.TRANSACTIONAL, 2, timedelta(0))).claimed
    async with asyncio.timeout(10), services.database.transaction() as recording:
        await recording.execute("SELECT FROM message WHERE id = $1 FOR UPDATE", claimed[0].id)
        async with services.database.transaction() as sweeping:
            assert total(await direct.settle_expired(sweeping)) == 1
        assert await workplace.states() == {"claimed": 1, "in_doubt": 1}
    async with services.database.transaction() as sweeping:
        assert total(await direct.settle_expired(sweeping)) == 1


async def test_what_answered_messages_wait_for_is_set_without_a_look_at_all_others(
    workplace: PolledWorkspace, services: Services
) -> None:
    async with services.database.pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        key = (workplace.actor.workspace_id, new_id())
        await direct.follow(connection, [key], timedelta())  # planned while nothing was ever sent
        await _queue(workplace, workplace.sender_id, 300)
        async with connection.transaction():
            await direct.follow(connection, [key], timedelta())
            read = await connection.fetchval(
                "SELECT sum(seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname IN ('message', 'direct_message')"
            )
            assert read < 300
        await connection.execute("RESET plan_cache_mode")
