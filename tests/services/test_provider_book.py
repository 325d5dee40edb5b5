"""The provider's own log against the ledger, with the real simulator process as provider."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.db import claims, outcomes
from heliograph.db.awaited import decide, doubted
from heliograph.db.claims import Claim, Rendered
from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, ErrorClass, Role
from heliograph.errors import Forbidden
from heliograph.providers.protocol import Accepted, OutgoingMessage, SenderAddress
from heliograph.secrets import KeyRing
from heliograph.services import provider_book, runs
from heliograph.services.connections import sealing_context
from heliograph.services.context import Actor, Services
from heliograph.services.provider_book import NotToBeHad, ProviderBook, read_provider_book
from heliograph.settings import Settings
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Failure, Fixed, Receipts, Script
from tests.db.ledger import Seeded, seed_run
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]

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
class Stage:
    """A run whose messages are sent by hand."""

    services: Services
    run: Seeded

    async def send(self) -> list[Sent]:
        """Claims what waits and sends it; nothing is recorded."""
        pool = self.services.database.pool
        found = await claims.candidates(pool, self.run.run_id, 1, 1, 1_000, 1_000)
        addresses = {item.id: item.address for item in found}
        claimed = await claims.claim(
            pool,
            workspace_id=self.run.workspace_id,
            run_id=self.run.run_id,
            wave=1,
            first=1,
            last=1_000,
            rendered=[Rendered(item.id, "Hello", 1) for item in found],
            lease=timedelta(minutes=1),
        )
        return [Sent(claim, await self.send_one(addresses[claim.id], claim)) for claim in claimed]

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


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, simulator: SimulatorClient, tmp_path: Path
) -> AsyncIterator[Services]:
    """Whose Twilio is the simulator, which sends at once."""
    await simulator.set_script(TAKEN_AT_ONCE)
    settings = Settings(data_dir=tmp_path, twilio_api_url=simulator.url)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


async def stage_for(services: Services, recipients: int, *, category: Category = Category.PROMOTIONAL) -> Stage:
    """A run of so many with its own connector; all share the account and the number."""
    run = await seed_run(services.database, recipients, category=category)
    plain = orjson.dumps({"account_sid": DEMO_ACCOUNT_SID, "auth_token": DEMO_AUTH_TOKEN})
    await services.database.pool.execute(
        "UPDATE connector SET sealed_credentials = $2 WHERE id = $1",
        run.connector_id,
        services.key_ring.seal(plain, context=sealing_context(run.connector_id)),
    )
    return Stage(services, run)


@pytest_asyncio.fixture
async def stage(services: Services) -> Stage:
    """A promotional run of five."""
    return await stage_for(services, 5)


async def test_a_run_whose_every_message_is_at_the_provider_agrees(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_book, "_CHUNK", 2)
    sent = await stage.send()
    await stage.record(*(each.accepted for each in sent))
    await stage.close()
    listed: list[int] = []
    book = await read_provider_book(stage.services, stage.run.run_id, progressed=listed.append)
    assert isinstance(book, ProviderBook)
    assert book.agrees
    found = book.comparison
    assert (found.listed, found.of_this_run, found.of_others, found.accepted_in_ledger) == (5, 5, 0, 5)
    assert listed == [2, 4, 5]


async def test_a_message_that_the_provider_does_not_have_is_missing(stage: Stage) -> None:
    sent = await stage.send()
    invented = Sent(sent[-1].claim, f"SM{uuid4().hex}")
    await stage.record(*(each.accepted for each in [*sent[:-1], invented]))
    book = await stage.book()
    assert not book.agrees
    assert book.comparison.missing_at_provider.count == 1
    assert book.comparison.missing_at_provider.ids == (invented.sid,)


async def test_a_message_that_the_ledger_does_not_know_is_told(stage: Stage) -> None:
    await stage.record(*(each.accepted for each in await stage.send()))
    foreign = await stage.send_one("+14155559999")
    book = await stage.book()
    assert not book.agrees
    assert (book.comparison.unknown_to_ledger.count, book.comparison.unknown_to_ledger.ids) == (1, (foreign,))


async def test_a_second_message_to_a_recipient_that_no_try_explains_is_unknown(stage: Stage) -> None:
    sent = await stage.send()
    await stage.record(*(each.accepted for each in sent))
    address = await stage.services.database.pool.fetchval("SELECT address FROM message WHERE id = $1", sent[0].claim.id)
    second = await stage.send_one(address)
    book = await stage.book()
    assert not book.agrees
    assert book.comparison.unknown_to_ledger.ids == (second,)


async def test_a_try_in_doubt_that_the_provider_took_agrees_with_the_doubt(stage: Stage) -> None:
    first, *others = await stage.send()
    await stage.record(first.in_doubt, *(each.accepted for each in others))
    book = await stage.book()
    assert book.agrees
    assert (book.comparison.of_this_run, book.comparison.accepted_in_ledger) == (5, 4)


async def test_a_resend_that_the_policy_allows_agrees_and_is_counted(services: Services) -> None:
    stage = await stage_for(services, 1, category=Category.TRANSACTIONAL)
    (first,) = await stage.send()
    await stage.record((await stage.send_again(first)).accepted)
    book = await stage.book()
    assert book.agrees
    assert (book.comparison.of_this_run, book.comparison.sent_twice.count, book.comparison.resends_allowed) == (2, 1, 1)


async def test_a_resend_counts_also_when_the_first_answer_came_late(services: Services) -> None:
    stage = await stage_for(services, 1, category=Category.TRANSACTIONAL)
    (first,) = await stage.send()
    second = await stage.send_again(first)
    await stage.record(first.accepted, second.accepted)
    book = await stage.book()
    assert book.agrees
    assert (book.comparison.sent_twice.count, book.comparison.resends_allowed) == (1, 1)


@pytest.mark.parametrize("answered", [False, True])
async def test_a_promotional_message_may_never_be_sent_twice(stage: Stage, answered: bool) -> None:
    first, *others = await stage.send()
    await stage.record(*(each.accepted for each in others))
    second = await stage.send_again(first)
    await stage.record(second.accepted, *([first.accepted] if answered else []))
    book = await stage.book()
    assert not book.agrees
    assert book.comparison.sent_twice.ids == (str(first.claim.id),)
    assert book.resends_not_allowed == 1


async def test_more_messages_than_tries_are_never_allowed(services: Services) -> None:
    stage = await stage_for(services, 1, category=Category.TRANSACTIONAL)
    (first,) = await stage.send()
    await stage.record((await stage.send_again(first)).accepted)
    address = await services.database.pool.fetchval("SELECT address FROM message WHERE id = $1", first.claim.id)
    await stage.send_one(address)
    assert (await stage.book()).resends_not_allowed == 1


async def test_one_message_that_stands_for_two_here_differs(stage: Stage) -> None:
    first, second, *others = await stage.send()
    await stage.record(*(each.accepted for each in [first, Sent(second.claim, first.sid), *others]))
    book = await stage.book()
    assert not book.agrees
    assert book.comparison.named_twice.ids == (first.sid,)


async def test_messages_of_another_run_are_told_apart(services: Services, stage: Stage) -> None:
    other = await stage_for(services, 3)
    for each in (stage, other):
        await each.record(*(sent.accepted for sent in await each.send()))
    books = [await each.book() for each in (stage, other)]
    assert [book.agrees for book in books] == [True, True]
    assert [(book.comparison.of_this_run, book.comparison.of_others) for book in books] == [(5, 3), (3, 5)]


async def test_what_the_listing_lacks_is_asked_for_by_its_id(stage: Stage, simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(receipts=Receipts(to_sent=Fixed(seconds=3600), lost=1)))  # not sent, not listed
    await stage.record(*(each.accepted for each in await stage.send()))
    book = await stage.book()
    assert book.agrees
    assert (book.comparison.listed, book.found_when_asked) == (0, 5)


async def test_a_run_in_which_nothing_was_tried_agrees(stage: Stage) -> None:
    book = await stage.book()
    assert book.agrees
    assert book.comparison.listed == 0


async def test_without_the_provider_the_book_is_not_to_be_had_and_verification_goes_on(
    stage: Stage, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.providers.twilio.log._PAUSES", (0.0,))
    await stage.record(*(each.accepted for each in await stage.send()))
    await stage.close()
    failing = AccountScript(failure=Failure(status=503, times=100))
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: failing}))
    found = await runs.verify_campaign(stage.services, owner(stage), stage.run.campaign_id, with_provider=True)
    assert isinstance(found.provider, NotToBeHad)
    assert "An unexpected error occurred at Twilio" in found.provider.reason
    assert found.balanced


async def test_an_open_run_has_no_book_yet(stage: Stage) -> None:
    found = await read_provider_book(stage.services, stage.run.run_id)
    assert isinstance(found, NotToBeHad)
    assert "once it is closed" in found.reason


async def test_a_connector_without_credentials_has_no_book(stage: Stage) -> None:
    await stage.record(*(each.accepted for each in await stage.send()))
    await stage.services.database.pool.execute(
        "UPDATE connector SET sealed_credentials = NULL, configuration = '{\"a\": 1}'"
    )
    await stage.close()
    found = await read_provider_book(stage.services, stage.run.run_id)
    assert isinstance(found, NotToBeHad)
    assert "not authenticated" in found.reason


async def test_verification_balances_only_when_the_provider_agrees_if_it_is_asked(stage: Stage) -> None:
    await stage.record(*(each.accepted for each in await stage.send()))
    await stage.send_one("+14155559999")
    await stage.close()
    alone = await runs.verify_campaign(stage.services, owner(stage), stage.run.campaign_id)
    asked = await runs.verify_campaign(stage.services, owner(stage), stage.run.campaign_id, with_provider=True)
    again = await runs.verify_campaign(stage.services, owner(stage), stage.run.campaign_id, with_provider=True)
    assert (alone.balanced, alone.provider) == (True, None)
    assert not asked.balanced
    assert asked.provider == again.provider


async def test_asking_the_provider_takes_more_than_reading(stage: Stage) -> None:
    viewer = Actor(stage.run.workspace_id, Role.VIEWER, "viewer")
    assert (await runs.verify_campaign(stage.services, viewer, stage.run.campaign_id)).provider is None
    with pytest.raises(Forbidden):
        await runs.verify_campaign(stage.services, viewer, stage.run.campaign_id, with_provider=True)


def owner(stage: Stage) -> Actor:
    """Of the run's workspace."""
    return Actor(stage.run.workspace_id, Role.OWNER, "owner")
