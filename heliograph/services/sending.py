"""Sending batches: read, render, take tokens, claim, call, record — the one place where messages leave the house.

One `SendingEngine` per worker process. It holds at most `settings.chunk` messages claimed and unrecorded, whatever
the number of batches it works on: that is what a crash of the process can put in doubt. Calls are made by a fixed
crew of `settings.requests_in_flight` tasks, and answers are recorded in grouped commits beside them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from heliograph.db import claims
from heliograph.db.claims import Candidate, Rendered
from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.db.runs import SendingRun, read_sending_run
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.errors import NotFound
from heliograph.pacing.budget import ClaimBudget
from heliograph.pacing.tokens import largest_chunk, reserve
from heliograph.providers.protocol import OutgoingMessage, ProviderConnection, SenderAddress
from heliograph.rendering.cache import TemplateCache
from heliograph.rendering.template import CompiledTemplate, TemplateRefused
from heliograph.services.connections import Connections
from heliograph.services.outcomes import broken, released, to_outcome
from heliograph.services.recording import BatchInFlight, Recorder
from heliograph.services.templates import load_compiled
from heliograph.settings import Settings
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Route

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A key range of one wave of a run."""

    workspace_id: UUID
    run_id: UUID
    wave: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Job:
    """One claimed message on its way to the provider."""

    message: OutgoingMessage
    connection: ProviderConnection
    sender: SenderAddress
    batch: BatchInFlight
    claimed_at: float  # time.monotonic()


class SendingEngine:
    """Sends batches with bounded claims and bounded calls."""

    def __init__(
        self, database: Database, connections: Connections, templates: TemplateCache, settings: Settings
    ) -> None:
        self._database = database
        self._connections = connections
        self._templates = templates
        self._settings = settings
        self._budget = ClaimBudget(settings.chunk)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._recorder = Recorder(database, self._recorded)
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> "AsyncIterator[SendingEngine]":
        """Runs the crew; at the end every claimed message is sent or released, and recorded."""
        crew = [asyncio.create_task(self._work()) for _ in range(self._settings.requests_in_flight)]
        try:
            yield self
        finally:
            self._stopping = True
            await self._jobs.join()
            await self._recorder.aclose()
            for task in crew:
                task.cancel()
            await asyncio.gather(*crew, return_exceptions=True)

    async def send(self, request: BatchRequest, *, halted: Callable[[], bool]) -> claims.Remaining:
        """Sends what is due in the range until it is empty, the run halts, or the batch's time is over.

        `halted` is asked before each chunk: cancelled activities and stopping workers claim nothing more, but what
        is claimed is finished and recorded.
        """
        run = await self._read_run(request)
        route = Route(run.provider, Channel(run.channel), Category(run.category))
        batch = BatchInFlight(request.workspace_id, request.run_id, run.connector_id, route)
        deadline = time.monotonic() + self._settings.batch_seconds
        first: int | None = request.first
        try:
            while first is not None and time.monotonic() < deadline and not halted() and not self._stopping:
                first = await self._send_chunk(batch, request, first)
        finally:
            await batch.drained()
        return await claims.remaining(self._database.pool, request.run_id, request.wave, request.first, request.last)

    async def _read_run(self, request: BatchRequest) -> SendingRun:
        run = await read_sending_run(self._database.pool, request.run_id)
        if run is None:
            raise NotFound(f"run {request.run_id} is not in the ledger")
        return run

    async def _send_chunk(self, batch: BatchInFlight, request: BatchRequest, first: int) -> int | None:
        """Claims one chunk and hands it to the crew; where to go on, or None when there is nothing to claim now."""
        held = await self._budget.take()
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
            await self._budget.give_back(held - len(found))
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
            jobs = await self._claim(batch, request, run, connection, found, rendered)
            claimed = len(jobs)
            self._hand_over(jobs, tokens.spacing)
            return found[-1].number + 1
        finally:
            await self._budget.give_back(held - claimed)

    async def _claim(
        self,
        batch: BatchInFlight,
        request: BatchRequest,
        run: SendingRun,
        connection: ProviderConnection,
        found: Sequence[Candidate],
        rendered: Sequence[Rendered],
    ) -> list[_Job]:
        """Claims the chunk; from here on each of its messages must be recorded."""
        settings = self._settings
        # The lease counts from before the statement, so that our clock is never ahead of the ledger's. Nothing is
        # written to a provider unless its answer can still come before the lease ends.
        claimed_at = time.monotonic()
        valid_until = claimed_at + settings.lease_seconds - settings.provider_timeout_seconds
        claimed = await claims.claim(
            self._database.pool,
            workspace_id=request.workspace_id,
            run_id=request.run_id,
            wave=request.wave,
            first=request.first,
            last=request.last,
            rendered=rendered,
            lease=timedelta(seconds=settings.lease_seconds),
        )
        batch.started(len(claimed))
        metrics.record_claimed(batch.route, len(claimed))
        attempts = {claim.id: claim.attempt for claim in claimed}
        sender = SenderAddress(run.sender_kind, run.sender_address)
        return [
            _Job(
                OutgoingMessage(candidate.id, attempt, candidate.address, text.body, valid_until),
                connection,
                sender,
                batch,
                claimed_at,
            )
            for candidate, text in zip(found, rendered, strict=True)
            if text.body is not None and (attempt := attempts.get(candidate.id)) is not None
        ]

    def _hand_over(self, jobs: Sequence[_Job], spacing: float) -> None:
        """Queues the jobs for the crew, spread over the time that their tokens cover."""
        if not spacing:
            for job in jobs:
                self._jobs.put_nowait(job)
            return
        loop = asyncio.get_running_loop()
        for position, job in enumerate(jobs):
            loop.call_later(position * spacing, self._jobs.put_nowait, job)

    async def _work(self) -> None:
        """One of the crew: calls the provider for one message after another."""
        while True:
            job = await self._jobs.get()
            try:
                self._recorder.add(job.batch, await self._call(job))
            finally:
                self._jobs.task_done()

    async def _call(self, job: _Job) -> AttemptOutcome:
        message = job.message
        began = time.monotonic()
        if self._stopping or began > message.valid_until:
            return released(message)
        try:
            answer = await job.connection.send(message, job.sender)
        except Exception as error:  # noqa: BLE001 - the crew's outermost edge: a defect must not lose a message
            _log.exception("a connector failed")
            return broken(message, type(error).__name__)
        ended = time.monotonic()
        job.batch.calls.ended(answer, ended - began, ended - job.claimed_at, message.reference)
        return to_outcome(message, answer)

    async def _recorded(self, batch: BatchInFlight, count: int) -> None:
        batch.finished(count)
        await self._budget.give_back(count)


def _render(template: CompiledTemplate, candidate: Candidate) -> Rendered:
    try:
        text = template.render(candidate.variables)
    except TemplateRefused as refusal:
        return Rendered(candidate.id, None, 0, refusal.code)
    return Rendered(candidate.id, text.body, text.parts.parts)
