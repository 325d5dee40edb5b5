"""Messages of runs at a provider that reports nothing: asked about by their age, in passes that can be broken off."""

from datetime import timedelta
from functools import partial

import pytest
import pytest_asyncio

from bench.ledger_seed import SeededRun, seed_run
from heliograph.contracts import PollingPass, PollingPassResult
from heliograph.db.awaited import awaiting_runs
from heliograph.db.engine import Database
from heliograph.domain.ledger import MessageState
from heliograph.errors import UpstreamFailed
from heliograph.providers.protocol import Capabilities, StatusReport
from heliograph.providers.registry import provider
from heliograph.secrets import KeyRing
from heliograph.services import connector_polling
from heliograph.services.connections import Connections
from heliograph.services.connector_polling import ConnectorPoll
from heliograph.services.inbox import ConnectorInbox
from heliograph.services.polling import Polled
from heliograph.settings import Settings
from tests.past import seed_messages

SETTINGS = Settings(poll_seconds=30, longest_poll_seconds=120)


class TalkativeProvider:
    """Says of every message that it is delivered, unless it is away or has nothing final to say yet."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.status = StatusReport("", "Delivered", MessageState.DELIVERED)

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The answer of the moment."""
        self.asked += 1
        if self.away:
            raise UpstreamFailed("away")
        return self.status


class TalkativeConnections(Connections):
    """Every connector leads to it."""

    def __init__(self, database: Database, talkative: TalkativeProvider) -> None:
        super().__init__(database, KeyRing({}), SETTINGS, partial(ConnectorInbox, database))
        self.talkative = talkative

    async def get(self, connector_id: object) -> object:  # type: ignore[override]
        """The provider."""
        return self.talkative

    def capabilities(self, connector_id: object) -> Capabilities:
        """One question a message."""
        return Capabilities(frozenset(), (), callbacks=False)


@pytest_asyncio.fixture
async def run(database: Database, key_ring: KeyRing) -> SeededRun:
    """A run at IP2SMS with ten accepted messages."""
    seeded = await seed_run(database, key_ring=key_ring)
    await database.pool.execute("UPDATE connector SET provider = 'ip2sms'")
    await seed_messages(database.pool, seeded, 10)
    await age(database, timedelta())
    return seeded


@pytest.fixture
def talkative() -> TalkativeProvider:
    """It answers."""
    return TalkativeProvider()


async def age(database: Database, span: timedelta) -> None:
    """Makes every message so old."""
    await database.pool.execute("UPDATE message SET accepted_at = now() - $1::interval", span)


async def poll(
    database: Database, run: SeededRun, talkative: TalkativeProvider, *, chunks: int = 1_000, **more: object
) -> PollingPassResult:
    """One pass, broken off after so many chunks."""
    work = PollingPass(workspace_id=run.workspace_id, connector_id=run.connector_id, provider="ip2sms", **more)
    left = [chunks + 1]  # direct messages are looked for first

    def stopped() -> bool:
        left[0] -= 1
        return left[0] < 0

    connections = TalkativeConnections(database, talkative)

    def progressed(total: Polled) -> None:
        assert total.asked <= talkative.asked

    return await ConnectorPoll(database, connections, SETTINGS, work, stopped=stopped, progressed=progressed).run()


async def test_a_run_is_asked_about_once_its_messages_are_old_enough(
    database: Database, run: SeededRun, talkative: TalkativeProvider
) -> None:
    result = await poll(database, run, talkative)
    assert (result.asked, result.through, result.awaited) == (0, True, True)
    await age(database, timedelta(seconds=31))
    result = await poll(database, run, talkative)
    assert (result.asked, result.answered, result.moved, result.awaited) == (10, 10, 10, False)
    assert await awaiting_runs(database.pool, run.workspace_id, run.connector_id) == []


async def test_between_two_ages_a_message_is_not_asked_about_again(
    database: Database, run: SeededRun, talkative: TalkativeProvider
) -> None:
    talkative.status = StatusReport("", "Enroute", MessageState.SENT)
    await age(database, timedelta(seconds=31))
    first = await poll(database, run, talkative)
    assert first.asked == 10
    assert (await poll(database, run, talkative, since=first.until)).asked == 0
    await database.pool.execute("UPDATE message SET accepted_at = accepted_at - interval '30 seconds'")
    # As if half a minute had passed since: the messages are a minute old, and were 31 seconds old then.
    assert (await poll(database, run, talkative, since=first.until - timedelta(seconds=30))).asked == 10


async def test_a_pass_that_is_broken_off_goes_on_where_it_was(
    database: Database, run: SeededRun, talkative: TalkativeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_polling, "CHUNK", 3)
    talkative.status = StatusReport("", "Enroute", MessageState.SENT)
    await age(database, timedelta(seconds=31))
    first = await poll(database, run, talkative, chunks=2)
    assert (first.asked, first.through) == (6, False)
    assert first.place is not None
    rest = await poll(database, run, talkative, until=first.until, place=first.place)
    assert (rest.asked, rest.through) == (4, True)
    assert talkative.asked == 10


async def test_a_provider_that_is_away_ends_the_pass_and_loses_nothing(
    database: Database, run: SeededRun, talkative: TalkativeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_polling, "CHUNK", 4)
    await age(database, timedelta(seconds=31))
    talkative.away = True
    first = await poll(database, run, talkative)
    assert (first.asked, first.answered, first.away, first.through) == (4, 0, True, False)
    talkative.away = False
    rest = await poll(database, run, talkative, until=first.until, place=first.place)
    assert (rest.asked, rest.moved, rest.awaited) == (10, 10, False)


async def test_another_connectors_messages_are_left_alone(
    database: Database, run: SeededRun, talkative: TalkativeProvider, key_ring: KeyRing
) -> None:
    other = await seed_run(database, key_ring=key_ring)
    await age(database, timedelta(seconds=31))
    assert (await poll(database, other, talkative)).asked == 0


def test_the_provider_of_these_tests_reports_nothing_by_itself() -> None:
    assert not provider("ip2sms").capabilities.callbacks
