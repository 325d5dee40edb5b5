"""Sending batches of runs: read, render, take tokens, claim, call, record.

One `SendingEngine` per process: its crew makes the calls, for runs and for direct messages alike.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from heliograph.db import claims
from heliograph.db.claims import Candidate, Rendered
from heliograph.db.engine import Database
from heliograph.db.routes import read_ways
from heliograph.db.runs import SendingRun, read_sending_run
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.errors import NotFound
from heliograph.pacing.routing import choose
from heliograph.pacing.tokens import largest_chunk, reserve
from heliograph.providers.protocol import OutgoingMessage, SenderAddress
from heliograph.providers.registry import provider
from heliograph.rendering.cache import TemplateCache
from heliograph.rendering.template import CompiledTemplate, TemplateRefused
from heliograph.services.connections import Connections
from heliograph.services.crew import Crew, Job, batched
from heliograph.services.direct_sending import DirectSender
from heliograph.services.recording import BatchInFlight
from heliograph.services.templates import load_compiled
from heliograph.settings import Settings
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Route


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A key range of one wave of a run."""

    workspace_id: UUID
    run_id: UUID
    wave: int
    first: int
    last: int


class SendingEngine:
    """Sends with bounded claims and bounded calls; `direct` sends what belongs to no run."""

    def __init__(
        self, database: Database, connections: Connections, templates: TemplateCache, settings: Settings
    ) -> None:
        self._database = database
        self._connections = connections
        self._templates = templates
        self._settings = settings
        self._crew = Crew(database, settings)
        self.direct = DirectSender(self._crew, database, connections, settings)

    @asynccontextmanager
    async def running(self) -> "AsyncIterator[SendingEngine]":
        """Runs the crew; at the end every claimed message is sent or released, and recorded."""
        async with self._crew.running():
            yield self

    async def send(self, request: BatchRequest, *, halted: Callable[[], bool]) -> claims.Remaining:
        """Sends what is due in the range until it is empty, the run halts, or the batch's time is over.

        `halted` is asked before each chunk: cancelled activities and stopping workers claim nothing more, but what
        is claimed is finished and recorded.
        """
        batches = _Batches(request)
        deadline = time.monotonic() + self._settings.batch_seconds
        first: int | None = request.first
        try:
            while first is not None and time.monotonic() < deadline and not halted() and not self._crew.stopping:
                first = await self._send_chunk(batches, request, first)
        finally:
            await batches.drained()
        return await claims.remaining(self._database.pool, request.run_id, request.wave, request.first, request.last)

    async def _read_run(self, request: BatchRequest) -> SendingRun:
        """The run as it is now, with the sender and connector that its next chunk goes through."""
        run = await read_sending_run(self._database.pool, request.run_id)
        if run is None:
            raise NotFound(f"run {request.run_id} is not in the ledger")
        if not run.routed:
            return run
        way = choose(
            await read_ways(self._database.pool, run.workspace_id, Channel(run.channel), Category(run.category))
        )
        if way is None:
            return run
        return replace(
            run,
            connector_id=way.connector_id,
            connector_speed=way.connector_speed,
            provider=way.provider,
            sender_id=way.sender_id,
            sender_kind=way.sender_kind,
            sender_address=way.sender_address,
            sender_speed=way.sender_speed,
            blocked_seconds=way.blocked_seconds,
        )

    async def _send_chunk(self, batches: "_Batches", request: BatchRequest, first: int) -> int | None:
        """Claims one chunk and hands it to the crew; where to go on, or None when there is nothing to claim now."""
        budget = self._crew.budget
        held = await budget.take()
        claimed = 0
        try:
            run = await self._read_run(request)
            if run.status is not RunStatus.ACTIVE or run.blocked_seconds > self._settings.batch_seconds:
                return None
            limit = largest_chunk(run, held)
            found = await claims.candidates(
                self._database.pool, request.run_id, request.wave, first, request.last, limit
            )
            # Whoever waits for tokens or for a provider must not keep others from claiming.
            await budget.give_back(held - len(found))
            held = len(found)
            if not found:
                return None
            template = await load_compiled(self._database, self._templates, run.template_version_id)
            rendered = [_render(template, candidate) for candidate in found]
            connection = await self._connections.get(run.connector_id)
            tokens = await reserve(
                self._database.pool, request.run_id, run, [text.parts for text in rendered if text.body is not None]
            )
            await asyncio.sleep(max(tokens.wait, run.blocked_seconds))
            messages, claimed_at = await self._claim(request, run, found, rendered)
            claimed = len(messages)
            batch = batches.of(run)
            batch.started(claimed)
            metrics.record_claimed(batch.route, claimed)
            sender = SenderAddress(run.sender_kind, run.sender_address)
            size = provider(run.provider).capabilities.batch_size
            jobs = (Job(part, connection, sender, batch, claimed_at) for part in batched(messages, size))
            self._crew.hand_over(jobs, spacing=tokens.spacing * size)
            return found[-1].number + 1
        finally:
            await budget.give_back(held - claimed)

    async def _claim(
        self, request: BatchRequest, run: SendingRun, found: Sequence[Candidate], rendered: Sequence[Rendered]
    ) -> tuple[list[OutgoingMessage], float]:
        """Claims the chunk, and when; from here on each of its messages must be recorded.

        The lease counts from before the statement, so that our clock is never ahead of the ledger's. Nothing is
        written to a provider unless its answer can still come before the lease ends.
        """
        claimed_at = time.monotonic()
        taken = await claims.claim(
            self._database.pool,
            workspace_id=request.workspace_id,
            run_id=request.run_id,
            wave=request.wave,
            first=request.first,
            last=request.last,
            rendered=rendered,
            lease=timedelta(seconds=self._settings.lease_seconds),
            connector_id=run.connector_id,
            sender_id=run.sender_id,
        )
        valid_until = self._crew.valid_until(claimed_at)
        for (state, reason), count in taken.excluded.items():
            metrics.record_excluded(Channel(run.channel), Category(run.category), state, reason, count)
        attempts = {claim.id: claim.attempt for claim in taken.claimed}
        messages = [
            OutgoingMessage(candidate.id, attempt, candidate.address, text.body, valid_until)
            for candidate, text in zip(found, rendered, strict=True)
            if text.body is not None and (attempt := attempts.get(candidate.id)) is not None
        ]
        return messages, claimed_at


class _Batches:
    """What a request has in flight, by connector: one, unless the run is routed."""

    def __init__(self, request: BatchRequest) -> None:
        self._request = request
        self._by_connector: dict[UUID, BatchInFlight] = {}

    def of(self, run: SendingRun) -> BatchInFlight:
        """The batch of the connector that the run's present chunk goes through."""
        batch = self._by_connector.get(run.connector_id)
        if batch is None:
            route = Route(run.provider, Channel(run.channel), Category(run.category))
            batch = BatchInFlight(
                self._request.workspace_id, self._request.run_id, run.connector_id, route, routed=run.routed
            )
            self._by_connector[run.connector_id] = batch
        return batch

    async def drained(self) -> None:
        """Returns when every claimed message stands recorded."""
        for batch in self._by_connector.values():
            await batch.drained()


def _render(template: CompiledTemplate, candidate: Candidate) -> Rendered:
    try:
        text = template.render(candidate.variables)
    except TemplateRefused as refusal:
        return Rendered(candidate.id, None, 0, refusal.code)
    return Rendered(candidate.id, text.body, text.parts.parts)
