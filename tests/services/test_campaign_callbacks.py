"""When campaigns are told, decided on real counters."""

from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from heliograph.db.counters import Cell, Deltas
from heliograph.db.engine import Database
from heliograph.db.runs import discard_queued, freeze_totals
from heliograph.db.tables import RunCallback
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Role, RunStatus
from heliograph.domain.webhooks import Callback, WebhookKind, WebhookStrategy
from heliograph.errors import Conflict
from heliograph.secrets import KeyRing
from heliograph.services import webhook_requests, webhooks
from heliograph.services.campaign_callbacks import tell_campaigns
from heliograph.services.context import Actor, Services
from heliograph.services.webhook_requests import RequestedCallbacks, webhook_of
from tests.db.ledger import Seeded, seed_run

CHANGE, COMPLETION = WebhookStrategy.ON_CHANGE, WebhookStrategy.ON_COMPLETION
URL = "https://shop.example/hook"


@pytest_asyncio.fixture
async def run(database: Database) -> Seeded:
    return await seed_run(database, 10)


@pytest.fixture
def actor(run: Seeded) -> Actor:
    return Actor(run.workspace_id, Role.OWNER, "owner")


async def make(services: Services, actor: Actor, strategy: WebhookStrategy) -> UUID:
    made = await webhooks.create_webhook(services, actor, url=URL, kinds=[WebhookKind.CAMPAIGN], strategy=strategy)
    return made.webhook.id


async def cancel(database: Database, run: Seeded, number: int) -> None:
    """Counts so many of the run as cancelled that were queued."""
    deltas = Deltas()
    deltas.add(Cell(run.workspace_id, run.run_id, MessageState.QUEUED), -number)
    deltas.add(Cell(run.workspace_id, run.run_id, MessageState.CANCELLED), number)
    async with database.transaction() as connection:
        await deltas.write(connection)


async def queued(database: Database, webhook_id: UUID) -> list[Any]:
    rows = await database.pool.fetch(
        "SELECT content FROM webhook_delivery WHERE webhook_id = $1 ORDER BY position", webhook_id
    )
    return [row["content"]["messageStatuses"] for row in rows]


async def test_on_change_is_told_when_a_fifth_has_moved_since_the_last_time(
    services: Services, database: Database, run: Seeded, actor: Actor
) -> None:
    webhook_id = await make(services, actor, CHANGE)
    for numbers, callbacks in ((0, 0), (1, 0), (1, 1), (1, 0), (1, 1), (5, 1), (1, 0)):
        await cancel(database, run, numbers)
        assert await tell_campaigns(database) == callbacks
    assert await queued(database, webhook_id) == [
        {"queued": 8, "cancelled": 2},
        {"queued": 6, "cancelled": 4},
        {"queued": 1, "cancelled": 9},
    ]


async def test_on_completion_is_told_once_when_the_run_is_closed(
    services: Services, database: Database, run: Seeded, actor: Actor
) -> None:
    webhook_id = await make(services, actor, COMPLETION)
    await discard_queued(database.pool, run.run_id, 0, MessageState.CANCELLED, "stopped")
    assert await tell_campaigns(database) == 0
    async with database.transaction() as connection:
        await freeze_totals(connection, run.run_id, RunStatus.STOPPED, {})
    assert [await tell_campaigns(database) for _ in range(2)] == [1, 0]
    (content,) = [row["content"] for row in await database.pool.fetch("SELECT content FROM webhook_delivery")]
    assert content == {
        "trackingId": str(run.campaign_id),
        "name": content["name"],
        "totalRecipients": 10,
        "campaignStatus": "STOPPED",
        "messageStatuses": {"cancelled": 10},
    }
    assert await database.pool.fetchval("SELECT done FROM run_callback WHERE webhook_id = $1", webhook_id)


async def test_a_webhook_that_wants_campaigns_no_more_hears_of_none(
    services: Services, database: Database, run: Seeded, actor: Actor
) -> None:
    webhook_id = await make(services, actor, CHANGE)
    await webhooks.update_webhook(services, actor, webhook_id, {"kinds": [WebhookKind.MESSAGE]})
    await cancel(database, run, 5)
    assert await tell_campaigns(database) == 0
    await webhooks.update_webhook(services, actor, webhook_id, {"kinds": list(WebhookKind)})
    assert await tell_campaigns(database) == 1


async def test_a_changed_strategy_holds_for_runs_under_way(
    services: Services, database: Database, run: Seeded, actor: Actor
) -> None:
    webhook_id = await make(services, actor, CHANGE)
    await webhooks.update_webhook(services, actor, webhook_id, {"strategy": COMPLETION})
    await cancel(database, run, 5)
    assert await tell_campaigns(database) == 0


# -- hosts that requests name


async def test_requests_share_one_webhook_a_host(
    services: Services, database: Database, key_ring: KeyRing, run: Seeded
) -> None:
    async with database.unit_of_work() as session:
        callbacks = RequestedCallbacks(services, session, run.workspace_id)
        targets = [
            await callbacks.target(Callback(url=url, strategy=COMPLETION))
            for url in (
                URL,
                "https://shop.example:443/other",
                "https://SHOP.example/?order=1",
                "https://other.example/",
            )
        ]
        again = await webhook_of(session, key_ring, run.workspace_id, URL)
    ids = [target.webhook_id for target in targets if target is not None]
    assert ids[0] == ids[1] == ids[2] == again.id != ids[3]
    assert await callbacks.target(None) is None


async def test_a_workspace_has_a_bounded_number_of_webhooks(
    services: Services, database: Database, key_ring: KeyRing, run: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_requests, "MOST_WEBHOOKS", 2)
    async with database.unit_of_work() as session:
        for name in ("one", "two", "one"):
            await webhook_of(session, key_ring, run.workspace_id, f"https://{name}.example/")
        with pytest.raises(Conflict, match="delete one first"):
            await webhook_of(session, key_ring, run.workspace_id, "https://three.example/")


async def test_a_campaign_s_own_callback_is_told_at_its_own_address(
    database: Database, key_ring: KeyRing, run: Seeded
) -> None:
    async with database.unit_of_work() as session:
        webhook = await webhook_of(session, key_ring, run.workspace_id, URL)
        session.add(
            RunCallback(
                run_id=run.run_id,
                webhook_id=webhook.id,
                kind=WebhookKind.CAMPAIGN,
                workspace_id=run.workspace_id,
                url=URL,
                strategy=CHANGE,
            )
        )
    await cancel(database, run, 5)
    assert await tell_campaigns(database) == 1
    row = await database.pool.fetchrow("SELECT url, subject, kind::text FROM webhook_delivery")
    assert tuple(row) == (URL, run.run_id, "campaign")
