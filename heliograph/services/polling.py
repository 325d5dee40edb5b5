"""Asking providers for the final words that no receipt brought."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, cast
from uuid import UUID

from heliograph.db.awaited import unheard
from heliograph.db.engine import Database
from heliograph.db.receipts import IncomingReport
from heliograph.errors import HeliographError, NotFound
from heliograph.providers.protocol import PollManyConnection, ProviderConnection, StatusReport
from heliograph.services.connections import Connections
from heliograph.services.crew import batched
from heliograph.services.receipts import store, to_incoming

_log = logging.getLogger(__name__)

CHUNK: Final = 200
"""Messages that are asked about before the answers are committed."""
_CALLS_AT_A_TIME: Final = 16
"""Of all questions of one poll: sending goes first at the provider."""


class Pollable(Protocol):
    """A message that its provider has named."""

    @property
    def id(self) -> UUID: ...
    @property
    def attempt(self) -> int: ...
    @property
    def connector_id(self) -> UUID: ...
    @property
    def provider_message_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll did."""

    asked: int = 0
    answered: int = 0
    moved: int = 0

    def __add__(self, other: "Polled") -> "Polled":
        return Polled(self.asked + other.asked, self.answered + other.answered, self.moved + other.moved)


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of the questions about some messages."""

    polled: Polled
    unanswered: set[UUID] = field(default_factory=set)  # messages whose provider gave no answer at all

    @property
    def away(self) -> bool:
        """Whether the provider answered nothing. That it does not know a message is an answer."""
        return 0 < len(self.unanswered) == self.polled.asked


async def poll_run(
    database: Database,
    connections: Connections,
    workspace_id: UUID,
    run_id: UUID,
    *,
    progressed: Callable[[int], object] = lambda _: None,
) -> Polled:
    """Asks for every accepted message of the run that has no final word, and folds the answers as receipts.

    A question without an answer is left for the next poll. When a whole chunk stays without, the provider is away and
    the rest is left too. `progressed` hears how many were asked.
    """
    total = Polled()
    after = (-1, -1)
    while chunk := await unheard(database.pool, run_id, after, CHUNK):
        answers = await ask_about(database, connections, workspace_id, chunk)
        total += answers.polled
        progressed(total.asked)
        if answers.away:
            _log.warning("run %s: the provider answers no question; the poll ends early", run_id)
            break
        after = (chunk[-1].wave, chunk[-1].number)
    return total


async def ask_about(
    database: Database, connections: Connections, workspace_id: UUID, messages: Sequence[Pollable]
) -> Answers:
    """Asks about a chunk of a workspace's messages and commits the answers as receipts.

    Messages of connectors that cannot be asked are left out. A provider that tells of many at once is asked so.
    """
    reports: list[IncomingReport] = []
    unanswered: set[UUID] = set()
    asked = 0
    limit = asyncio.Semaphore(_CALLS_AT_A_TIME)

    async def ask(connection: ProviderConnection, part: Sequence[Pollable]) -> None:
        async with limit:
            try:
                found = await _statuses(connection, [each.provider_message_id or "" for each in part])
            except HeliographError as error:
                _log.info("no answer to a poll about %d messages: %s", len(part), error.code)
                unanswered.update(each.id for each in part)
                return
        reports.extend(_named(workspace_id, part, found))

    questions: list[tuple[ProviderConnection, Sequence[Pollable]]] = []
    for connector_id, of_connector in _by_connector(messages):
        try:
            connection = await connections.get(connector_id)
        except HeliographError as error:
            _log.info("connector %s cannot be asked: %s", connector_id, error.code)
            asked += len(of_connector)
            unanswered.update(each.id for each in of_connector)
            continue
        capabilities = connections.capabilities(connector_id)
        if capabilities.polling:
            asked += len(of_connector)
            questions += [(connection, part) for part in batched(of_connector, capabilities.poll_size)]
    await asyncio.gather(*(ask(connection, part) for connection, part in questions))
    moved = (await store(database, reports)).receipts.moved
    return Answers(Polled(asked, len(reports), moved), unanswered)


async def _statuses(connection: ProviderConnection, ids: Sequence[str]) -> Mapping[str, StatusReport]:
    if len(ids) > 1:
        return await cast("PollManyConnection", connection).poll_many(ids)
    try:
        return {ids[0]: await connection.poll(ids[0])}
    except NotFound:
        return {}


def _named(
    workspace_id: UUID, messages: Sequence[Pollable], found: Mapping[str, StatusReport]
) -> Iterator[IncomingReport]:
    """The answers as receipts that name our messages: provider's ids may be known to other attempts too."""
    for message in messages:
        report = found.get(message.provider_message_id or "")
        if report is not None:
            named = replace(report, reference=(message.id, message.attempt))
            yield to_incoming(workspace_id, message.connector_id, named)


def _by_connector(messages: Sequence[Pollable]) -> list[tuple[UUID, list[Pollable]]]:
    groups: defaultdict[UUID, list[Pollable]] = defaultdict(list)
    for message in messages:
        groups[message.connector_id].append(message)
    return list(groups.items())
