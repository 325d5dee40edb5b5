"""Asking the provider for the final words that no receipt brought."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from heliograph.db.awaited import Unheard, unheard
from heliograph.db.engine import Database
from heliograph.db.receipts import IncomingReport
from heliograph.errors import HeliographError
from heliograph.services.connections import Connections
from heliograph.services.receipts import store, to_incoming

_log = logging.getLogger(__name__)

_CHUNK = 200
_CALLS_AT_A_TIME = 16
"""Of all questions of one poll: sending goes first at the provider."""


@dataclass(frozen=True, slots=True)
class Polled:
    """What a poll did."""

    asked: int = 0
    answered: int = 0
    moved: int = 0


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
    while chunk := await unheard(database.pool, run_id, after, _CHUNK):
        reports = await _ask(connections, workspace_id, chunk)
        stored = await store(database, reports)
        total = Polled(total.asked + len(chunk), total.answered + len(reports), total.moved + stored.receipts.moved)
        progressed(total.asked)
        if not reports:
            _log.warning("run %s: the provider answers no question; the poll ends early", run_id)
            break
        after = (chunk[-1].wave, chunk[-1].number)
    return total


async def _ask(connections: Connections, workspace_id: UUID, chunk: Sequence[Unheard]) -> list[IncomingReport]:
    limit = asyncio.Semaphore(_CALLS_AT_A_TIME)

    async def one(message: Unheard) -> IncomingReport | None:
        async with limit:
            try:
                connection = await connections.get(message.connector_id)
                report = await connection.poll(message.provider_message_id)
            except HeliographError as error:
                _log.info("message %s: no answer to a poll: %s", message.id, error.code)
                return None
        named = replace(report, reference=(message.id, message.attempt))
        return to_incoming(workspace_id, message.connector_id, named)

    answers = await asyncio.gather(*(one(message) for message in chunk))
    return [answer for answer in answers if answer is not None]
