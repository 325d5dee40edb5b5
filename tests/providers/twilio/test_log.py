"""Twilio's own log: paged through to its end, and nobody else's messages in it, against the real simulator process."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from heliograph.errors import UpstreamFailed
from heliograph.providers.protocol import Accepted, SenderAddress
from heliograph.providers.twilio import log
from heliograph.providers.twilio.connection import TwilioConnection
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_MESSAGING_SERVICE, DEMO_SHORT_CODE
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Failure, Fixed, Receipts, Script
from tests.providers.contract import message
from tests.providers.twilio.peer import LONG_CODE, TwilioPeer
from tests.simulator.test_sending import call

SERVICE = SenderAddress("messaging_service", DEMO_MESSAGING_SERVICE)
AT_ONCE = Receipts(to_sent=Fixed(seconds=0), to_final=Fixed(seconds=0), lost=1)


@pytest_asyncio.fixture
async def connection(peer: TwilioPeer, simulator: SimulatorClient) -> AsyncIterator[TwilioConnection]:
    """To a Twilio that sends at once."""
    await simulator.set_script(Script(receipts=AT_ONCE))
    opened = peer.open(callback_url=None)
    yield opened
    await opened.aclose()


async def send(connection: TwilioConnection, sender: SenderAddress, count: int) -> list[str]:
    """The ids of so many messages to different numbers, oldest first."""
    outcomes = [await connection.send(message(to=f"+1415{number:07}"), sender) for number in range(count)]
    return [outcome.provider_message_id for outcome in outcomes if isinstance(outcome, Accepted)]


async def listed(connection: TwilioConnection, sender: SenderAddress = LONG_CODE) -> Sequence[str]:
    """What the log has of the last and next minutes."""
    now = datetime.now(UTC)
    minutes = timedelta(minutes=5)
    return [each.provider_message_id async for each in connection.log(sender, now - minutes, now + minutes)]


async def test_every_page_is_followed_to_the_end(connection: TwilioConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = await send(connection, LONG_CODE, 11)
    for page_size in (3, 11, 1000):
        monkeypatch.setattr(log, "PAGE_SIZE", page_size)
        assert await listed(connection) == sent[::-1]


async def test_messages_sent_meanwhile_neither_hide_nor_repeat_others(
    connection: TwilioConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE_SIZE", 2)
    sent = await send(connection, LONG_CODE, 6)
    now = datetime.now(UTC)
    found = []
    async for each in connection.log(LONG_CODE, now - timedelta(minutes=1), now + timedelta(minutes=1)):
        found.append(each.provider_message_id)
        await send(connection, LONG_CODE, 1)
    assert found == sent[::-1]


async def test_each_sender_has_its_own_log(connection: TwilioConnection) -> None:
    short_code = SenderAddress("short_code", DEMO_SHORT_CODE)
    sent = {sender: await send(connection, sender, 2) for sender in (LONG_CODE, short_code, SERVICE)}
    for sender, ids in sent.items():
        assert await listed(connection, sender) == ids[::-1]


async def test_a_failure_among_the_pages_is_asked_again(
    connection: TwilioConnection, simulator: SimulatorClient
) -> None:
    sent = await send(connection, LONG_CODE, 2)
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: _failing(times=1)}))
    assert await listed(connection) == sent[::-1]


async def test_a_lasting_failure_is_told(connection: TwilioConnection, simulator: SimulatorClient) -> None:
    await simulator.set_script(Script(accounts={DEMO_ACCOUNT_SID: _failing(times=50)}))
    with pytest.raises(UpstreamFailed):
        await listed(connection)


async def test_days_are_filtered_by_the_sending_as_at_twilio(
    connection: TwilioConnection, simulator: SimulatorClient
) -> None:
    await send(connection, LONG_CODE, 1)
    await simulator.set_script(Script(receipts=Receipts(to_sent=Fixed(seconds=600), lost=1)))
    await send(connection, LONG_CODE, 1)
    today, earlier = datetime.now(UTC), datetime.now(UTC) - timedelta(days=2)
    assert await _count(simulator, "") == 2
    assert await _count(simulator, f"?DateSent%3E={earlier:%Y-%m-%d}") == 1  # the other is not sent yet
    assert await _count(simulator, f"?DateSent%3C={today:%Y-%m-%d}") == 1
    assert await _count(simulator, f"?DateSent%3C={earlier:%Y-%m-%d}") == 0


async def _count(simulator: SimulatorClient, query: str) -> int:
    _, page, _ = await call(simulator, "GET", f"/Messages.json{query}")
    return len(page["messages"])


def _failing(times: int) -> AccountScript:
    return AccountScript(failure=Failure(status=503, times=times))
