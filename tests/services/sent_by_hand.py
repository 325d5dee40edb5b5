"""A run whose messages are sent by hand, so that ledger and provider can be made to differ."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson

from heliograph.db import claims, outcomes
from heliograph.db.awaited import decide, doubted
from heliograph.db.claims import Claim, Rendered
from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, ErrorClass
from heliograph.providers.protocol import Accepted, OutgoingMessage, SenderAddress
from heliograph.services.connections import sealing_context
from heliograph.services.context import Services
from heliograph.services.provider_book import ProviderBook, read_provider_book
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from heliograph.simulator.script import Fixed, Receipts, Script
from tests.db.ledger import Seeded, seed_run

SENDER = SenderAddress("long_code", "+14155550100")
TAKEN_AT_ONCE = Script(receipts=Receipts(to_sent=Fixed(seconds=0), to_final=Fixed(seconds=0), lost=1))


@dataclass(frozen=True)
class Sent:
    """A try, and the provider's name for what it took."""

    claim: Claim
    sid: str

    def outcome(self, state: MessageState, error_class: ErrorClass | None = None) -> AttemptOutcome:
        """What is recorded of it."""
        sid = self.sid if state is MessageState.ACCEPTED else None
        now = datetime.now(UTC)
        return AttemptOutcome(self.claim.id, self.claim.attempt, state, now, sid, error_class=error_class)

    @property
    def accepted(self) -> AttemptOutcome:
        """The provider's answer."""
        return self.outcome(MessageState.ACCEPTED)

    @property
    def in_doubt(self) -> AttemptOutcome:
        """No answer, though the provider took it."""
        return self.outcome(MessageState.IN_DOUBT, ErrorClass.UNKNOWN_OUTCOME)


@dataclass(frozen=True)
class HandSent:
    """A run whose messages are sent by hand."""

    services: Services
    run: Seeded

    async def send(self) -> list[Sent]:
        """Claims what waits and sends it; nothing is recorded."""
        pool = self.services.database.pool
        found = await claims.candidates(pool, self.run.run_id, 1, 1, 1_000, 1_000)
        addresses = {item.id: item.address for item in found}
        taken = await claims.claim(
            pool,
            workspace_id=self.run.workspace_id,
            run_id=self.run.run_id,
            wave=1,
            first=1,
            last=1_000,
            rendered=[Rendered(item.id, "Hello", 1) for item in found],
            lease=timedelta(minutes=1),
            connector_id=self.run.connector_id,
            sender_id=self.run.sender_id,
        )
        return [Sent(claim, await self.send_one(addresses[claim.id], claim)) for claim in taken.claimed]

    async def send_one(self, to: str, claim: Claim | None = None) -> str:
        """One message from the run's sender; its name at the provider."""
        claim = claim or Claim(uuid4(), 1)
        connection = await self.services.connections.get(self.run.connector_id)
        message = OutgoingMessage(claim.id, claim.attempt, to, "Hello", time.monotonic() + 30)
        outcome = await connection.send(message, SENDER)
        assert isinstance(outcome, Accepted)
        return outcome.provider_message_id

    async def record(self, *items: AttemptOutcome) -> None:
        """Writes outcomes into the ledger."""
        async with self.services.database.transaction() as connection:
            await outcomes.record(
                connection, workspace_id=self.run.workspace_id, run_id=self.run.run_id, outcomes=items
            )

    async def send_again(self, trying: Sent) -> Sent:
        """Puts a try in doubt, decides to send once more, and sends."""
        await self.record(trying.in_doubt)
        (message,) = await doubted(self.services.database.pool, timedelta(0), 10)
        async with self.services.database.transaction() as connection:
            await decide(connection, [(message, MessageState.QUEUED)])
        (again,) = await self.send()
        return again

    async def book(self) -> ProviderBook:
        """Closes the run and reads the provider's book."""
        await self.close()
        found = await read_provider_book(self.services, self.run.run_id)
        assert isinstance(found, ProviderBook), found
        return found

    async def close(self) -> None:
        """As the close of a run."""
        await self.services.database.pool.execute("UPDATE run SET status = 'COMPLETED' WHERE id = $1", self.run.run_id)


async def hand_sent_run(services: Services, recipients: int, *, category: Category = Category.PROMOTIONAL) -> HandSent:
    """A run of so many with its own connector; all share the account and the number."""
    run = await seed_run(services.database, recipients, category=category)
    plain = orjson.dumps({"account_sid": DEMO_ACCOUNT_SID, "auth_token": DEMO_AUTH_TOKEN})
    await services.database.pool.execute(
        "UPDATE connector SET sealed_credentials = $2 WHERE id = $1",
        run.connector_id,
        services.key_ring.seal(plain, context=sealing_context(run.connector_id)),
    )
    return HandSent(services, run)
