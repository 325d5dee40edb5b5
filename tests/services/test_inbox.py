"""What comes over an open connection: receipts find their messages and parts; parts of messages are joined."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest_asyncio

from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome, record
from heliograph.db.part_names import name_parts
from heliograph.db.receipts import join_parked
from heliograph.db.tables import Connector
from heliograph.db.tables.base import now
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Channel
from heliograph.providers.protocol import InboundMessage, InboundPart, StatusReport
from heliograph.services.inbox import ConnectorInbox
from tests.db.ledger import Seeded, seed_run

S = MessageState
ADDRESS = "+447400123456"


class Ledger:
    """One claimed message of an SMPP connector, and its inbox."""

    def __init__(self, database: Database, seeded: Seeded, row: Any) -> None:
        self.database = database
        self.seeded = seeded
        self.id, self.address = row["id"], row["address"]
        connector = Connector(
            id=seeded.connector_id,
            workspace_id=seeded.workspace_id,
            provider="smpp",
            name="SMPP",
            channel=Channel.SMS,
            callback_token="",
        )
        self.inbox = ConnectorInbox(database, connector)

    async def accept(self, *names: str) -> None:
        """Records that the SMSC took it: one name, or one for each part."""
        parts = names if len(names) > 1 else ()
        outcome = AttemptOutcome(
            self.id,
            1,
            S.ACCEPTED,
            now(),
            provider_message_id=",".join(names),
            provider_status="ACCEPTED",
            parts=len(names),
            part_ids=parts,
        )
        seeded = self.seeded
        async with self.database.transaction() as connection:
            await record(connection, workspace_id=seeded.workspace_id, run_id=seeded.run_id, outcomes=[outcome])
            await name_parts(connection, seeded.workspace_id, seeded.connector_id, [outcome])
            await join_parked(connection, seeded.connector_id, [",".join(names)])

    async def state(self) -> str:
        """Where the message is."""
        state: str = await self.database.pool.fetchval("SELECT state::text FROM message WHERE id = $1", self.id)
        return state

    def report(self, name: str, state: MessageState = S.DELIVERED, **fields: Any) -> StatusReport:
        """A receipt."""
        return StatusReport(name, "DELIVRD", state, address=self.address, **fields)


@pytest_asyncio.fixture
async def ledger(database: Database) -> Ledger:
    """See the class."""
    seeded = await seed_run(database, 1)
    row = await database.pool.fetchrow(
        """
        UPDATE message SET state = 'claimed', attempt = 1, connector_id = $2, sender_id = $3, claimed_at = now(),
            lease_until = now() + interval '1 minute'
        WHERE run_id = $1 RETURNING id, address
        """,
        seeded.run_id,
        seeded.connector_id,
        seeded.sender_id,
    )
    return Ledger(database, seeded, row)


async def test_a_message_of_several_parts_is_delivered_when_all_of_them_are(ledger: Ledger) -> None:
    await ledger.accept("a1", "a2", "a3")
    for name, state in (("a2", "sent"), ("a1", "sent"), ("a1", "sent"), ("a3", "delivered")):
        await ledger.inbox.take_reports([ledger.report(name)])
        assert await ledger.state() == state


async def test_a_message_has_failed_when_one_part_has(ledger: Ledger) -> None:
    await ledger.accept("a1", "a2")
    await ledger.inbox.take_reports([ledger.report("a1"), ledger.report("a2", S.UNDELIVERED)])
    assert await ledger.state() == "undelivered"


async def test_receipts_of_parts_that_come_before_the_names_are_kept_find_them_later(ledger: Ledger) -> None:
    await ledger.inbox.take_reports([ledger.report("a2"), ledger.report("a1")])
    assert await ledger.state() == "claimed"
    await ledger.accept("a1", "a2")
    assert await ledger.state() == "delivered"


async def test_a_receipt_may_name_the_message_in_the_other_base(ledger: Ledger) -> None:
    await ledger.accept("1A2B")
    await ledger.inbox.take_reports([ledger.report("6699", other_ids=("1a2b", "1A2B"))])
    assert await ledger.state() == "delivered"


async def test_a_receipt_in_the_other_base_that_comes_early_waits_for_its_message(ledger: Ledger) -> None:
    taking = asyncio.create_task(ledger.inbox.take_reports([ledger.report("6699", other_ids=("1A2B",))]))
    await asyncio.sleep(0.02)
    await ledger.accept("1A2B")
    await taking
    assert await ledger.state() == "delivered"


async def test_the_same_digits_in_the_other_base_are_not_another_persons_message(ledger: Ledger) -> None:
    await ledger.accept("1A2B")
    stranger = StatusReport("6699", "DELIVRD", S.DELIVERED, other_ids=("1A2B",), address="+12025550199")
    await ledger.inbox.take_reports([stranger])
    assert await ledger.state() == "accepted"


def parts(texts: Sequence[str], *, reference: int = 7, address: str = ADDRESS) -> list[InboundMessage]:
    """A message in parts."""
    return [
        InboundMessage(
            "", address, "12345", "", part=InboundPart(reference, number, len(texts), text.encode(), bytes.decode)
        )
        for number, text in enumerate(texts, start=1)
    ]


async def bodies(ledger: Ledger) -> list[str]:
    """What is stored."""
    return [row["body"] for row in await ledger.database.pool.fetch("SELECT body FROM inbound_message ORDER BY id")]


async def kept_parts(ledger: Ledger) -> int:
    """Parts that wait."""
    count: int = await ledger.database.pool.fetchval("SELECT count(*) FROM inbound_part")
    return count


async def test_parts_are_joined_in_whatever_order_they_come(ledger: Ledger) -> None:
    first, second, third = parts(["one ", "two ", "three"])
    for part in (third, first, third):
        await ledger.inbox.take_inbound([part])
        assert await bodies(ledger) == []
    await ledger.inbox.take_inbound([second])
    assert await bodies(ledger) == ["one two three"]
    assert await kept_parts(ledger) == 0


async def test_parts_that_come_at_once_over_two_connections_are_joined_once(ledger: Ledger) -> None:
    await asyncio.gather(*(ledger.inbox.take_inbound([part]) for part in parts(["a", "b", "c", "d"])))
    assert await bodies(ledger) == ["abcd"]


async def test_parts_of_different_people_are_kept_apart(ledger: Ledger) -> None:
    ann, ben = parts(["a1", "a2"]), parts(["b1", "b2"], address="+447400999999")
    await ledger.inbox.take_inbound([ann[0], ben[1], InboundMessage("", ADDRESS, "12345", "whole")])
    assert await bodies(ledger) == ["whole"]
    await ledger.inbox.take_inbound([ben[0], ann[1]])
    assert sorted(await bodies(ledger)) == ["a1a2", "b1b2", "whole"]


async def test_a_reference_that_is_used_anew_begins_a_new_message(ledger: Ledger) -> None:
    await ledger.inbox.take_inbound([parts(["old ", "never sent"])[0]])
    for part in parts(["new ", "text"]):
        await ledger.inbox.take_inbound([part])
    assert await bodies(ledger) == ["new text"]


async def test_what_stays_incomplete_is_dropped_after_a_while(ledger: Ledger) -> None:
    await ledger.inbox.take_inbound([parts(["old", "never sent"])[0]])
    await ledger.database.pool.execute("UPDATE inbound_part SET received_at = now() - interval '2 hours'")
    await ledger.inbox.take_inbound([parts(["new", "also never sent"], reference=8)[0]])
    assert await kept_parts(ledger) == 1
