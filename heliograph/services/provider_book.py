"""The third book: what the provider's own log says of a run, held against the ledger."""

import asyncio
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from tempfile import TemporaryFile
from typing import BinaryIO, Final
from uuid import UUID

from heliograph.db import provider_book
from heliograph.db.provider_book import Comparison, Sample, Tried
from heliograph.domain.vocabulary import RunStatus
from heliograph.errors import HeliographError, NotFound
from heliograph.providers.protocol import LoggedMessage, ProviderConnection, SenderAddress
from heliograph.providers.registry import provider
from heliograph.services.connections import Connections
from heliograph.services.context import Services

_CLOCK_SKEW: Final = timedelta(minutes=1)
"""The provider's clock may be behind ours."""
_CHUNK: Final = 500
_SAMPLE: Final = 5
_ASKED_ONE_BY_ONE: Final = 500
"""So many messages that the listing lacks are asked for by their ids; when more are missing it is no accident."""
_CALLS_AT_A_TIME: Final = 8
_CLOSED: Final = frozenset({RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.UNBALANCED})


@dataclass(frozen=True)
class ProviderBook:
    """The comparison, and how many messages the listing lacked that the provider has all the same."""

    comparison: Comparison
    found_when_asked: int = 0

    @property
    def resends_not_allowed(self) -> int:
        """Messages that the provider has more than once though no policy sent them again."""
        return self.comparison.sent_twice.count - self.comparison.resends_allowed

    @property
    def agrees(self) -> bool:
        """Each message that the ledger names is at the provider, each message there is in the ledger, none twice
        unless its category's policy for doubt sent it again."""
        found = self.comparison
        return not (
            found.missing_at_provider.count
            or found.unknown_to_ledger.count
            or found.named_twice.count
            or self.resends_not_allowed
        )


@dataclass(frozen=True)
class NotToBeHad:
    """The provider's book could not be read; this says nothing about the run."""

    reason: str


async def read_provider_book(
    services: Services, run_id: UUID, *, progressed: Callable[[int], object] = lambda _: None
) -> ProviderBook | NotToBeHad:
    """Lists what the provider has of the run's time and sender, then compares. `progressed` hears how many so far.

    Takes a request per thousand messages. The listing waits in a file, so that no connection to the database and no
    snapshot is held while the provider is asked.
    """
    async with services.database.pool.acquire() as connection:
        tried = await provider_book.read_tried(connection, run_id)
    if tried is None:
        raise NotFound("no such run", code="run_not_found")
    reason = _why_not(tried)
    if reason is not None:
        return NotToBeHad(reason)
    try:
        return await _read(services, run_id, tried, progressed)
    except HeliographError as error:
        return NotToBeHad(f"the provider's log cannot be read: {error.detail}")


def _why_not(tried: Tried) -> str | None:
    if tried.status not in _CLOSED:
        return f"the run is {tried.status.value}: its log stands still once it is closed"
    if not provider(tried.provider).capabilities.log:
        return f"{provider(tried.provider).name} does not list what it sent"
    return None


async def _read(
    services: Services, run_id: UUID, tried: Tried, progressed: Callable[[int], object]
) -> ProviderBook | NotToBeHad:
    with TemporaryFile() as listing:
        await _list(services, tried, listing, progressed)
        listing.seek(0)
        async with services.database.transaction() as connection:
            compared = await provider_book.compare(
                connection, run_id, tried, listing, sample=_SAMPLE, missing_sample=_ASKED_ONE_BY_ONE
            )
    return await _ask_for_missing(services.connections, tried, compared)


async def _list(services: Services, tried: Tried, listing: BinaryIO, progressed: Callable[[int], object]) -> None:
    """Writes the provider's log of the run's time, as CSV."""
    if tried.first is None or tried.last is None:
        return  # nothing was tried, so nothing is to be found
    since = tried.first - _CLOCK_SKEW
    until = tried.last + timedelta(seconds=services.settings.in_doubt_seconds) + _CLOCK_SKEW
    connection = await services.connections.get(tried.connector_id)
    chunk: list[LoggedMessage] = []
    count = 0
    async for message in connection.log(SenderAddress(tried.sender_kind, tried.sender_address), since, until):
        chunk.append(message)
        if len(chunk) == _CHUNK:
            listing.write(_rows(chunk))
            count += len(chunk)
            chunk.clear()
            progressed(count)
            await asyncio.sleep(0)  # a page is read without waiting: others get their turn
    listing.write(_rows(chunk))
    progressed(count + len(chunk))


def _rows(messages: list[LoggedMessage]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
        (each.provider_message_id, each.to) for each in messages
    )
    return text.getvalue().replace("\0", "").encode(errors="replace")


async def _ask_for_missing(connections: Connections, tried: Tried, compared: Comparison) -> ProviderBook:
    """What the listing lacks is asked for by its id: providers list late what they have not sent yet."""
    missing = compared.missing_at_provider
    if not missing.count or missing.count > _ASKED_ONE_BY_ONE:
        return ProviderBook(replace(compared, missing_at_provider=_shortened(missing)))
    connection = await connections.get(tried.connector_id)
    absent: list[str] = []
    for start in range(0, missing.count, _CALLS_AT_A_TIME):
        ids = missing.ids[start : start + _CALLS_AT_A_TIME]
        there = await asyncio.gather(*(_has(connection, each) for each in ids))
        absent += [each for each, is_there in zip(ids, there, strict=True) if not is_there]
    return ProviderBook(
        replace(compared, missing_at_provider=_shortened(Sample(len(absent), tuple(absent)))),
        found_when_asked=missing.count - len(absent),
    )


async def _has(connection: ProviderConnection, provider_message_id: str) -> bool:
    try:
        await connection.poll(provider_message_id)
    except NotFound:
        return False
    return True


def _shortened(sample: Sample) -> Sample:
    return Sample(sample.count, sample.ids[:_SAMPLE])
