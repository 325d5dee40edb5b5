"""Messages in doubt: looked up at the provider after a while, then decided by the policy of their category."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from heliograph.db import direct
from heliograph.db.awaited import Doubted, decide, doubted, known_provider_ids
from heliograph.db.engine import Database
from heliograph.db.moves import total
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category
from heliograph.errors import HeliographError
from heliograph.providers.protocol import SenderAddress, StatusReport
from heliograph.services.connections import Connections
from heliograph.services.measuring import measure_moves
from heliograph.services.receipts import store, to_incoming
from heliograph.settings import Settings

_log = logging.getLogger(__name__)

_AT_A_TIME = 200
_CALLS_AT_A_TIME = 8
_CLOCK_SKEW = timedelta(seconds=30)
"""The provider's clock may be behind ours: what it has from shortly before the claim may be ours."""
_MOST_ATTEMPTS = 2


async def resolve_in_doubt(database: Database, connections: Connections, settings: Settings) -> int:
    """Decides messages that are in doubt for longer than the setting; how many moved.

    Found at the provider: its status is folded like a receipt. Not found: see `verdict`. Without an answer from the
    provider a message stays in doubt until the next round, or until its run closes.
    """
    messages = await doubted(database.pool, timedelta(seconds=settings.in_doubt_seconds), _AT_A_TIME)
    by_connector: defaultdict[UUID, list[Doubted]] = defaultdict(list)
    for message in messages:
        by_connector[message.connector_id].append(message)
    return sum([await _resolve(database, connections, each) for each in by_connector.values()])


def verdict(message: Doubted) -> MessageState:
    """What becomes of a message that the provider does not have.

    Promotional: never sent again. Transactional and OTP: once more, unless the run is stopping.
    """
    if message.category is Category.PROMOTIONAL or message.stopping or message.attempt >= _MOST_ATTEMPTS:
        return MessageState.UNKNOWN
    return MessageState.QUEUED


async def _resolve(database: Database, connections: Connections, messages: Sequence[Doubted]) -> int:
    connector_id = messages[0].connector_id
    answers = await _look_up(connections, messages)
    candidates = {report.provider_message_id for found in answers.values() for report in found}
    taken = await known_provider_ids(database.pool, connector_id, sorted(candidates))
    reports, decisions = [], []
    for message in messages:
        if message.id not in answers:
            continue
        others = taken - {message.provider_message_id}
        ours = next((report for report in answers[message.id] if report.provider_message_id not in others), None)
        if ours is None:
            decisions.append((message, verdict(message)))
        else:
            taken.add(ours.provider_message_id)
            named = replace(ours, reference=(message.id, message.attempt))
            reports.append(to_incoming(message.workspace_id, connector_id, named))
    moved = (await store(database, reports)).receipts.moved
    if decisions:
        async with database.transaction() as connection:
            decided = await decide(connection, decisions)
            await direct.follow(
                connection, [(message.workspace_id, message.id) for message, _ in decisions], timedelta()
            )
        measure_moves(decided)
        moved += total(decided)
    return moved


async def _look_up(connections: Connections, messages: Sequence[Doubted]) -> dict[UUID, Sequence[StatusReport]]:
    """What the provider has for each message, oldest first; a message it gave no answer for is missing."""
    limit = asyncio.Semaphore(_CALLS_AT_A_TIME)
    answers: dict[UUID, Sequence[StatusReport]] = {}

    async def one(message: Doubted) -> None:
        async with limit:
            try:
                connection = await connections.get(message.connector_id)
                if not connections.capabilities(message.connector_id).look_up:
                    answers[message.id] = []  # nobody can be asked: the policy decides
                    return
                answers[message.id] = await connection.look_up(
                    to=message.address,
                    body=message.body,
                    sender=SenderAddress(message.sender_kind, message.sender_address),
                    since=message.claimed_at - _CLOCK_SKEW,
                )
            except HeliographError as error:
                _log.info("message %s stays in doubt: no answer to a look-up: %s", message.id, error.code)

    await asyncio.gather(*(one(message) for message in messages))
    return answers
