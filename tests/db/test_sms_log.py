"""The SMS log and the verifications, as people who know SQL read them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from heliograph.db import direct, outcomes
from heliograph.db.direct import NewDirectMessage
from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.db.tables.base import now
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.ids import new_id
from tests.db.ledger import Seeded, seed_run

COLUMNS = [
    "id",
    "phone_number",
    "type",
    "body",
    "gateway_id",
    "gateway_status",
    "status_changed_at",
    "updated_at",
    "inserted_at",
]


@pytest_asyncio.fixture
async def seeded(database: Database) -> Seeded:
    """A workspace with a connector and a sender; its run is of no interest here."""
    return await seed_run(database, 1)


async def queue(database: Database, seeded: Seeded, *, category: Category, type: str | None, body: str) -> UUID:
    """Queues one direct message."""
    message = NewDirectMessage(
        id=new_id(),
        dedupe_key=f"direct:{new_id()}:0",
        channel=Channel.SMS,
        category=category,
        type=type,
        address="+447400123456",
        body=body,
        parts=1,
        connector_id=seeded.connector_id,
        sender_id=seeded.sender_id,
        due_at=now(),
        expires_at=now().replace(year=2099),
    )
    async with database.transaction() as connection:
        ((message_id, _),) = await direct.queue(connection, seeded.workspace_id, [message])
    return message_id


async def try_once(
    database: Database, seeded: Seeded, category: Category, state: MessageState, gateway_id: str
) -> None:
    """Claims what is due and records an outcome."""
    (claim,) = (await direct.claim(database.pool, category, 10, timedelta(minutes=1))).claimed
    outcome = AttemptOutcome(
        claim.id,
        claim.attempt,
        state,
        now(),
        provider_message_id=gateway_id,
        provider_status="Accepted",
        due_at=now(),
        error_class=ErrorClass.NOT_PROCESSED if state is MessageState.QUEUED else None,
    )
    async with database.transaction() as connection:
        await outcomes.record(connection, workspace_id=seeded.workspace_id, run_id=None, outcomes=[outcome])
        await direct.follow(connection, [(seeded.workspace_id, claim.id)], timedelta())


async def log(database: Database) -> list[dict[str, Any]]:
    """The whole log, oldest first."""
    return [dict(row) for row in await database.pool.fetch("SELECT * FROM verification.sms_log ORDER BY inserted_at")]


async def test_the_log_has_the_columns_it_was_asked_for(database: Database) -> None:
    found = await database.pool.fetch(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'verification' AND table_name = 'sms_log' ORDER BY ordinal_position"
    )
    assert [row["column_name"] for row in found] == [*COLUMNS, "workspace_id"]


async def test_a_message_stands_in_the_log_once_it_was_brought_to_a_provider(
    database: Database, seeded: Seeded
) -> None:
    message_id = await queue(
        database, seeded, category=Category.TRANSACTIONAL, type="medication_request", body="Take 2"
    )
    assert await log(database) == []
    await try_once(database, seeded, Category.TRANSACTIONAL, MessageState.ACCEPTED, "G1")
    (row,) = await log(database)
    assert (row["id"], row["phone_number"], row["type"]) == (message_id, "+447400123456", "medication_request")
    assert (row["body"], row["gateway_id"], row["gateway_status"]) == ("Take 2", "G1", "Accepted")
    assert row["inserted_at"] <= row["status_changed_at"] <= row["updated_at"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("Your code is 123456.", "Your code is ******."),
        ("A7K9Q2 is your code", "****** is your code"),
        ("Call us: we answer", "Call us: we answer"),
    ],
)
async def test_a_verification_stands_once_with_its_latest_try_and_without_its_code(
    database: Database, seeded: Seeded, body: str, shown: str
) -> None:
    message_id = await queue(database, seeded, category=Category.OTP, type=None, body=body)
    await try_once(database, seeded, Category.OTP, MessageState.QUEUED, "")
    await try_once(database, seeded, Category.OTP, MessageState.ACCEPTED, "G2")
    (row,) = await log(database)
    assert (row["type"], row["gateway_id"], row["body"]) == ("verification", "G2", shown)
    (verification,) = await database.pool.fetch("SELECT * FROM verification.verifications")
    assert (verification["id"], verification["attempts_count"], verification["gateway_id"]) == (message_id, 2, "G2")


async def test_the_log_is_found_by_number_without_reading_the_whole_ledger(database: Database, seeded: Seeded) -> None:
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")  # the ledger of a test is smaller than any index
        plan = await connection.fetch("EXPLAIN SELECT * FROM verification.sms_log WHERE phone_number = '+447400123456'")
    assert any("ix_message_address" in row[0] for row in plan)
