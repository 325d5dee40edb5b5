"""Sending messages outside runs: those of a category that are due, or some at once inside a request."""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from heliograph.db import direct
from heliograph.db.direct import DirectClaim, NewDirectMessage
from heliograph.db.engine import Database
from heliograph.db.routes import read_ways
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.vocabulary import Category, Channel
from heliograph.errors import HeliographError
from heliograph.pacing.routing import can_send, choose
from heliograph.pacing.tokens import reserve_direct
from heliograph.providers.protocol import EmailContent, OutgoingMessage, SenderAddress
from heliograph.providers.registry import provider
from heliograph.services.connections import Connections
from heliograph.services.crew import Crew, Job, batched
from heliograph.services.measuring import measure_moves
from heliograph.services.outcomes import released
from heliograph.services.recording import BatchInFlight
from heliograph.settings import Settings
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Route, type_name

_log = logging.getLogger(__name__)

_CONNECTOR_AWAY: Final = timedelta(seconds=30)
"""When to try messages again whose connector cannot be opened."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What messages must share to be sent and recorded together."""

    workspace_id: UUID
    connector_id: UUID
    sender_id: UUID
    provider: str
    type: str  # each is measured apart; of few values


class DirectSender:
    """Claims direct messages and hands them to the crew of its process."""

    def __init__(self, crew: Crew, database: Database, connections: Connections, settings: Settings) -> None:
        self._crew = crew
        self._database = database
        self._connections = connections
        self._settings = settings

    async def send_due(self, category: Category) -> int:
        """Sends what is due of a category, one chunk; how many it claimed.

        The chunk is claimed before tokens are taken, since it may go through many connectors: a message whose turn
        would come after its lease is given back, and claimed again.
        """
        if not await direct.any_due(self._database.pool, category):
            return 0
        await self._redirect(category)
        held = await self._crew.budget.take()
        return await self._crew.finish(self._send_chunk(category, held))

    async def _send_chunk(self, category: Category, held: int) -> int:
        taken = 0
        try:
            claimed_at = time.monotonic()
            found = await direct.claim(self._database.pool, category, held, self._lease)
            taken = len(found.claimed)
            measure_moves(found.excluded)
            await self._send_claimed(found.claimed, claimed_at)
        finally:
            await self._crew.budget.give_back(held - taken)
        return taken

    async def _redirect(self, category: Category) -> None:
        """Sends messages that named no sender around a connector that takes nothing now.

        Only what is queued moves: nothing of it is in flight or in doubt, so nobody can get it twice.
        """
        pool = self._database.pool
        for where in await direct.stranded(pool, category):
            ways = await read_ways(pool, where.workspace_id, where.channel, category)
            way = choose(ways, besides=where.connector_id)
            if way is not None and can_send(way):
                count = await direct.redirect(
                    pool, where, category, connector_id=way.connector_id, sender_id=way.sender_id
                )
                _log.info("%d direct messages go around connector %s", count, where.connector_id)

    async def send_now(self, workspace_id: UUID, messages: Sequence[NewDirectMessage]) -> list[tuple[UUID, bool]]:
        """Queues, claims and sends messages of one category; returns when their outcomes are recorded.

        For each its id, and whether it was new: one that was there before is not sent again. What cannot be sent
        now (its connector is blocked, its provider asks for a pause) stays queued, and its lane sends it later.
        """
        answers: list[tuple[UUID, bool]] = []
        for part in batched(messages, max(1, self._settings.chunk // 2)):
            answers += await self._send_part(workspace_id, part)
        return answers

    async def _send_part(self, workspace_id: UUID, messages: Sequence[NewDirectMessage]) -> list[tuple[UUID, bool]]:
        await self._crew.budget.take_exactly(len(messages))
        queued, batches = await self._crew.finish(self._send_these(workspace_id, messages))
        for batch in batches:
            await batch.drained()
        return queued

    async def _send_these(
        self, workspace_id: UUID, messages: Sequence[NewDirectMessage]
    ) -> tuple[list[tuple[UUID, bool]], list[BatchInFlight]]:
        taken = 0
        try:
            claimed_at = time.monotonic()
            async with self._database.transaction() as connection:
                queued = await direct.queue(connection, workspace_id, messages)
                fresh = [message_id for message_id, is_fresh in queued if is_fresh]
                found = await direct.claim_these(connection, messages[0].category, fresh, self._lease)
            taken = len(found.claimed)
            measure_moves(found.excluded)
            return queued, await self._send_claimed(found.claimed, claimed_at)
        finally:
            await self._crew.budget.give_back(len(messages) - taken)

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self._settings.lease_seconds)

    async def _send_claimed(self, claimed: Sequence[DirectClaim], claimed_at: float) -> list[BatchInFlight]:
        ways: defaultdict[_Way, list[DirectClaim]] = defaultdict(list)
        for each in claimed:
            kind = type_name(each.type, each.category)
            ways[_Way(each.workspace_id, each.connector_id, each.sender_id, each.provider, kind)].append(each)
        return [await self._send_on(way, part, claimed_at) for way, part in ways.items()]

    async def _send_on(self, way: _Way, claimed: Sequence[DirectClaim], claimed_at: float) -> BatchInFlight:
        """Hands the messages of one way to the crew. Whatever happens here, each of them is recorded."""
        route = Route(way.provider, claimed[0].channel, claimed[0].category, way.type)
        batch = BatchInFlight(way.workspace_id, None, way.connector_id, route)
        batch.started(len(claimed))
        metrics.record_claimed(route, len(claimed))
        valid_until = self._crew.valid_until(claimed_at)
        messages = [_outgoing(claim, valid_until) for claim in claimed]
        try:
            connection = await self._connections.get(way.connector_id)
            tokens = await reserve_direct(self._database.pool, claimed)
            size = provider(way.provider).capabilities.batch_size
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one way must put no message in doubt
            known = isinstance(error, (HeliographError, *DATABASE_TROUBLE))
            what = ("direct messages wait: connector %s: %s", way.connector_id, type(error).__name__)
            _log.warning(*what, exc_info=not known)
            later = datetime.now(UTC) + _CONNECTOR_AWAY
            for message in messages:
                self._crew.recorder.add(batch, replace(released(message), due_at=later))
            return batch
        sender = SenderAddress(claimed[0].sender_kind, claimed[0].sender_address)
        jobs = (Job(part, connection, sender, batch, claimed_at) for part in batched(messages, size))
        self._crew.hand_over(jobs, spacing=tokens.spacing * size, wait=tokens.wait)
        return batch


def _outgoing(claim: DirectClaim, valid_until: float) -> OutgoingMessage:
    email = EmailContent(**claim.content) if claim.channel is Channel.EMAIL else None
    return OutgoingMessage(claim.id, claim.attempt, claim.address, claim.body, valid_until, email)
