"""The provider's own log against the ledger, with the real simulator process as provider."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.db.engine import Database
from heliograph.domain.vocabulary import Category, Role
from heliograph.errors import Forbidden
from heliograph.secrets import KeyRing
from heliograph.services import provider_book, runs
from heliograph.services.context import Actor, Services
from heliograph.services.provider_book import NotToBeHad, ProviderBook, read_provider_book
from heliograph.settings import Settings
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Failure, Fixed, Receipts, Script
from tests.services.sent_by_hand import TAKEN_AT_ONCE, HandSent, Sent, hand_sent_run
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, simulator: SimulatorClient, tmp_path: Path
) -> AsyncIterator[Services]:
    """Whose Twilio is the simulator, which sends at once."""
    await simulator.set_script(TAKEN_AT_ONCE)
    settings = Settings(data_dir=tmp_path, simulator_url=simulator.url)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def sent_run(services: Services) -> HandSent:
    """A promotional run of five."""
    return await hand_sent_run(services, 5)


async def test_a_run_whose_every_message_is_at_the_provider_agrees(
    sent_run: HandSent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_book, "_CHUNK", 2)
    sent = await sent_run.send()
    await sent_run.record(*(each.accepted for each in sent))
    await sent_run.close()
    listed: list[int] = []
    book = await read_provider_book(sent_run.services, sent_run.run.run_id, progressed=listed.append)
    assert isinstance(book, ProviderBook)
    assert book.agrees
    found = book.comparison
    assert (found.listed, found.of_this_run, found.of_others, found.accepted_in_ledger) == (5, 5, 0, 5)
    assert listed == [2, 4, 5]


async def test_a_message_that_the_provider_does_not_have_is_missing(sent_run: HandSent) -> None:
    sent = await sent_run.send()
    invented = Sent(sent[-1].claim, f"SM{uuid4().hex}")
    await sent_run.record(*(each.accepted for each in [*sent[:-1], invented]))
    book = await sent_run.book()
    assert not book.agrees
    assert book.comparison.missing_at_provider.count == 1
    assert book.comparison.missing_at_provider.ids == (invented.sid,)


async def test_a_message_that_the_ledger_does_not_know_is_told(sent_run: HandSent) -> None:
    await sent_run.record(*(each.accepted for each in await sent_run.send()))
    foreign = await sent_run.send_one("+14155559999")
    book = await sent_run.book()
    assert not book.agrees
    assert (book.comparison.unknown_to_ledger.count, book.comparison.unknown_to_ledger.ids) == (1, (foreign,))


async def test_a_second_message_to_a_recipient_that_no_try_explains_is_unknown(sent_run: HandSent) -> None:
    sent = await sent_run.send()
    await sent_run.record(*(each.accepted for each in sent))
    address = await sent_run.services.database.pool.fetchval(
        "SELECT address FROM message WHERE id = $1", sent[0].claim.id
    )
    second = await sent_run.send_one(address)
    book = await sent_run.book()
    assert not book.agrees
    assert book.comparison.unknown_to_ledger.ids == (second,)


async def test_a_try_in_doubt_that_the_provider_took_agrees_with_the_doubt(sent_run: HandSent) -> None:
    first, *others = await sent_run.send()
    await sent_run.record(first.in_doubt, *(each.accepted for each in others))
    book = await sent_run.book()
    assert book.agrees
    assert (book.comparison.of_this_run, book.comparison.accepted_in_ledger) == (5, 4)


async def test_a_resend_that_the_policy_allows_agrees_and_is_counted(services: Services) -> None:
    sent_run = await hand_sent_run(services, 1, category=Category.TRANSACTIONAL)
    (first,) = await sent_run.send()
    await sent_run.record((await sent_run.send_again(first)).accepted)
    book = await sent_run.book()
    assert book.agrees
    assert (book.comparison.of_this_run, book.comparison.sent_twice.count, book.comparison.resends_allowed) == (2, 1, 1)


async def test_a_resend_counts_also_when_the_first_answer_came_late(services: Services) -> None:
    sent_run = await hand_sent_run(services, 1, category=Category.TRANSACTIONAL)
    (first,) = await sent_run.send()
    second = await sent_run.send_again(first)
    await sent_run.record(first.accepted, second.accepted)
    book = await sent_run.book()
    assert book.agrees
    assert (book.comparison.sent_twice.count, book.comparison.resends_allowed) == (1, 1)


@pytest.mark.parametrize("answered", [False, True])
async def test_a_promotional_message_may_never_be_sent_twice(sent_run: HandSent, answered: bool) -> None:
    first, *others = await sent_run.send()
    await sent_run.record(*(each.accepted for each in others))
    second = await sent_run.send_again(first)
    await sent_run.record(second.accepted, *([first.accepted] if answered else []))
    book = await sent_run.book()
    assert not book.agrees
    assert book.comparison.sent_twice.ids == (str(first.claim.id),)
    assert book.resends_not_allowed == 1


async def test_more_messages_than_tries_are_never_allowed(services: Services) -> None:
    sent_run = await hand_sent_run(services, 1, category=Category.TRANSACTIONAL)
    (first,) = await sent_run.send()
    await sent_run.record((await sent_run.send_again(first)).accepted)
    address = await services.database.pool.fetchval("SELECT address FROM message WHERE id = $1", first.claim.id)
    await sent_run.send_one(address)
    assert (await sent_run.book()).resends_not_allowed == 1


async def test_one_message_that_stands_for_two_here_differs(sent_run: HandSent) -> None:
    first, second, *others = await sent_run.send()
    await sent_run.record(*(each.accepted for each in [first, Sent(second.claim, first.sid), *others]))
    book = await sent_run.book()
    assert not book.agrees
    assert book.comparison.named_twice.ids == (first.sid,)


async def test_messages_of_another_run_are_told_apart(services: Services, sent_run: HandSent) -> None:
    other = await hand_sent_run(services, 3)
    for each in (sent_run, other):
        await each.record(*(sent.accepted for sent in await each.send()))
    books = [await each.book() for each in (sent_run, other)]
    assert [book.agrees for book in books] == [True, True]
    assert [(book.comparison.of_this_run, book.comparison.of_others) for book in books] == [(5, 3), (3, 5)]


async def test_what_the_listing_lacks_is_asked_for_by_its_id(sent_run: HandSent, simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(receipts=Receipts(to_sent=Fixed(seconds=3600), lost=1)))  # not sent, not listed
    await sent_run.record(*(each.accepted for each in await sent_run.send()))
    book = await sent_run.book()
    assert book.agrees
    assert (book.comparison.listed, book.found_when_asked) == (0, 5)


async def test_a_run_in_which_nothing_was_tried_agrees(sent_run: HandSent) -> None:
    book = await sent_run.book()
    assert book.agrees
    assert book.comparison.listed == 0


async def test_without_the_provider_the_book_is_not_to_be_had_and_verification_goes_on(
    sent_run: HandSent, simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.providers.twilio.log._PAUSES", (0.0,))
    await sent_run.record(*(each.accepted for each in await sent_run.send()))
    await sent_run.close()
    failing = AccountScript(failure=Failure(status=503, times=100))
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: failing}))
    found = await runs.verify_campaign(sent_run.services, owner(sent_run), sent_run.run.campaign_id, with_provider=True)
    assert isinstance(found.provider, NotToBeHad)
    assert "An unexpected error occurred at Twilio" in found.provider.reason
    assert found.balanced


async def test_an_open_run_has_no_book_yet(sent_run: HandSent) -> None:
    found = await read_provider_book(sent_run.services, sent_run.run.run_id)
    assert isinstance(found, NotToBeHad)
    assert "once it is closed" in found.reason


async def test_a_connector_without_credentials_has_no_book(sent_run: HandSent) -> None:
    await sent_run.record(*(each.accepted for each in await sent_run.send()))
    await sent_run.services.database.pool.execute(
        "UPDATE connector SET sealed_credentials = NULL, configuration = '{\"a\": 1}'"
    )
    await sent_run.close()
    found = await read_provider_book(sent_run.services, sent_run.run.run_id)
    assert isinstance(found, NotToBeHad)
    assert "not authenticated" in found.reason


async def test_verification_balances_only_when_the_provider_agrees_if_it_is_asked(sent_run: HandSent) -> None:
    await sent_run.record(*(each.accepted for each in await sent_run.send()))
    await sent_run.send_one("+14155559999")
    await sent_run.close()
    alone = await runs.verify_campaign(sent_run.services, owner(sent_run), sent_run.run.campaign_id)
    asked = await runs.verify_campaign(sent_run.services, owner(sent_run), sent_run.run.campaign_id, with_provider=True)
    again = await runs.verify_campaign(sent_run.services, owner(sent_run), sent_run.run.campaign_id, with_provider=True)
    assert (alone.balanced, alone.provider) == (True, None)
    assert not asked.balanced
    assert asked.provider == again.provider


async def test_asking_the_provider_takes_more_than_reading(sent_run: HandSent) -> None:
    viewer = Actor(sent_run.run.workspace_id, Role.VIEWER, "viewer")
    assert (await runs.verify_campaign(sent_run.services, viewer, sent_run.run.campaign_id)).provider is None
    with pytest.raises(Forbidden):
        await runs.verify_campaign(sent_run.services, viewer, sent_run.run.campaign_id, with_provider=True)


def owner(sent_run: HandSent) -> Actor:
    """Of the run's workspace."""
    return Actor(sent_run.run.workspace_id, Role.OWNER, "owner")
