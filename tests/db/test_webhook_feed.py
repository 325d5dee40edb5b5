"""What the ledger feeds to whom, by statements that know nothing of webhooks."""

from typing import Any
from uuid import UUID

import pytest_asyncio

from heliograph.db.engine import Database
from heliograph.db.freeze import freeze_chunk
from heliograph.db.receipts import IncomingReport, store_and_fold
from heliograph.db.runs import discard_queued
from heliograph.db.tables import RunCallback, Webhook
from heliograph.domain.ledger import MessageState
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy
from tests.db.ledger import Seeded, seed_run

CHANGE, COMPLETION = WebhookStrategy.ON_CHANGE, WebhookStrategy.ON_COMPLETION


async def add_webhook(database: Database, workspace_id: UUID, strategy: WebhookStrategy, **rest: Any) -> UUID:
    webhook = Webhook(
        workspace_id=workspace_id,
        url="https://shop.example/hook",
        kinds=rest.pop("kinds", ["message"]),
        strategy=strategy,
        sealed_secret=b"",
        **rest,
    )
    async with database.unit_of_work() as session:
        session.add(webhook)
    return webhook.id


async def fed(database: Database, webhook_id: UUID) -> list[str]:
    """The states that were queued for a webhook, in order."""
    rows = await database.pool.fetch(
        "SELECT content ->> 'state' AS state FROM webhook_delivery WHERE webhook_id = $1 ORDER BY position", webhook_id
    )
    return [row["state"] for row in rows]


@pytest_asyncio.fixture
async def run(database: Database) -> Seeded:
    return await seed_run(database, 1)


async def claim_all(database: Database, run: Seeded) -> None:
    await database.pool.execute(
        "UPDATE message SET state = 'claimed', attempt = 1, body = 'Hello' WHERE run_id = $1", run.run_id
    )


async def report(database: Database, run: Seeded, state: MessageState, code: str = "") -> None:
    message_id = await database.pool.fetchval("SELECT id FROM message WHERE run_id = $1", run.run_id)
    incoming = IncomingReport(
        *(run.connector_id, run.workspace_id, f"{message_id}.1", message_id, 1, 0, state.value, code, "SM1"),
        *(state.value, None, None, None),
    )
    async with database.transaction() as connection:
        await store_and_fold(connection, [incoming])


async def test_on_change_hears_of_every_state_but_those_before_anything_has_happened(
    database: Database, run: Seeded
) -> None:
    webhook_id = await add_webhook(database, run.workspace_id, CHANGE)
    await claim_all(database, run)
    for state in (MessageState.ACCEPTED, MessageState.SENT, MessageState.SENT, MessageState.DELIVERED):
        await report(database, run, state)
    assert await fed(database, webhook_id) == ["accepted", "sent", "delivered"]


async def test_on_completion_hears_of_final_states_also_when_a_late_receipt_corrects_one(
    database: Database, run: Seeded
) -> None:
    webhook_id = await add_webhook(database, run.workspace_id, COMPLETION)
    await claim_all(database, run)
    for state in (MessageState.ACCEPTED, MessageState.UNDELIVERED, MessageState.DELIVERED):
        await report(database, run, state)
    assert await fed(database, webhook_id) == ["undelivered", "delivered"]


async def test_another_code_of_the_same_state_is_a_change_but_no_completion(database: Database, run: Seeded) -> None:
    changes = await add_webhook(database, run.workspace_id, CHANGE)
    completions = await add_webhook(database, run.workspace_id, COMPLETION)
    await claim_all(database, run)
    await report(database, run, MessageState.FAILED, "30003")
    await report(database, run, MessageState.FAILED, "30005")
    assert await fed(database, changes) == ["failed", "failed"]
    assert await fed(database, completions) == ["failed"]


async def test_who_is_excluded_when_a_run_is_frozen_is_told(database: Database) -> None:
    run = await seed_run(database, 3, duplicates=1, freeze=False)
    webhook_id = await add_webhook(database, run.workspace_id, COMPLETION)
    await freeze_chunk(database, run.run_id)
    assert await fed(database, webhook_id) == ["duplicate"]


async def test_a_change_of_very_many_at_once_is_told_whole(database: Database) -> None:
    run = await seed_run(database, 5_000)
    webhook_id = await add_webhook(database, run.workspace_id, COMPLETION)
    await discard_queued(database.pool, run.run_id, 0, MessageState.CANCELLED, "stopped")
    assert await fed(database, webhook_id) == ["cancelled"] * 5_000


async def test_nothing_is_fed_to_other_workspaces_deleted_webhooks_and_those_that_want_campaigns(
    database: Database, run: Seeded
) -> None:
    other = await seed_run(database, 1)
    webhooks = [
        await add_webhook(database, other.workspace_id, CHANGE),
        await add_webhook(database, run.workspace_id, CHANGE, kinds=["campaign"]),
        await add_webhook(database, run.workspace_id, CHANGE, kinds=[], by_request=True),
    ]
    deleted = await add_webhook(database, run.workspace_id, CHANGE)
    await database.pool.execute("UPDATE webhook SET deleted_at = now() WHERE id = $1", deleted)
    await claim_all(database, run)
    await report(database, run, MessageState.DELIVERED)
    for webhook_id in [*webhooks, deleted]:
        assert await fed(database, webhook_id) == []


async def test_a_campaign_s_own_callback_hears_of_its_messages_alone(database: Database, run: Seeded) -> None:
    webhook_id = await add_webhook(database, run.workspace_id, CHANGE, kinds=[], by_request=True)
    async with database.unit_of_work() as session:
        session.add(
            RunCallback(
                run_id=run.run_id,
                webhook_id=webhook_id,
                kind=WebhookKind.MESSAGE,
                workspace_id=run.workspace_id,
                url="https://shop.example/this/run",
                strategy=COMPLETION,
            )
        )
    await claim_all(database, run)
    await report(database, run, MessageState.SENT)
    await report(database, run, MessageState.DELIVERED)
    row = await database.pool.fetchrow("SELECT url, strategy::text, content ->> 'state' AS state FROM webhook_delivery")
    assert tuple(row) == ("https://shop.example/this/run", "on-completion", "delivered")


async def test_what_a_rolled_back_commit_changed_is_not_told(database: Database, run: Seeded) -> None:
    webhook_id = await add_webhook(database, run.workspace_id, CHANGE)
    await claim_all(database, run)
    async with database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE message SET state = 'accepted' WHERE run_id = $1", run.run_id)
        await transaction.rollback()
    assert await fed(database, webhook_id) == []
