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

from heliograph.db import claims, pacing, runs
from heliograph.db.claims import Candidate, Rendered
from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.vocabulary import RunStatus
from heliograph.errors import NotFound
from heliograph.providers.protocol import OutgoingMessage, ProviderConnection, SenderAddress
from heliograph.rendering.cache import TemplateCache
from heliograph.rendering.template import CompiledTemplate, TemplateRefused
from heliograph.services.connections import Connections
from heliograph.services.outcomes import broken, released, to_outcome
from heliograph.services.recording import BatchInFlight, Recorder
from heliograph.services.templates import load_compiled
from heliograph.settings import Settings

_log = logging.getLogger(__name__)

_SECONDS_OF_TOKENS = 1.0
"""Tokens are reserved a second of traffic at a time: few statements, and little is wasted when a run is paused."""


class ClaimBudget:
    """How many more messages this process may hold claimed and unrecorded."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._step = max(1, size // 4)
        self._changed = asyncio.Condition()

    async def take(self) -> int:
        """Waits until a worthwhile part is free and takes it whole, so that claims stay large."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= self._step)
            taken = min(self._free, 2 * self._step)
            self._free -= taken
            return taken

    async def give_back(self, count: int) -> None:
        """Frees what was recorded or not claimed after all."""
        if count:
            async with self._changed:
                self._free += count
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A key range of one wave of a run."""

    workspace_id: UUID
    run_id: UUID
    wave: int
    first: int
    last: int


@dataclass(slots=True)
class _Job:
    """One claimed message on its way to the provider."""

    message: OutgoingMessage
    connection: ProviderConnection
    sender: SenderAddress
    batch: BatchInFlight
    not_before: float  # time.monotonic(), for pacing inside a chunk


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
        batch = BatchInFlight(request.workspace_id, request.run_id)
        deadline = time.monotonic() + self._settings.batch_seconds
        first = request.first
        try:
            while time.monotonic() < deadline and not halted() and not self._stopping:
                budget = await self._budget.take()
                last_claimed = await self._send_chunk(batch, request, first, budget)
                if last_claimed is None:
                    break
                first = last_claimed + 1
        finally:
            await batch.drained()
        return await claims.remaining(self._database.pool, request.run_id, request.wave, request.first, request.last)

    async def _send_chunk(self, batch: BatchInFlight, request: BatchRequest, first: int, budget: int) -> int | None:
        """Claims and queues up to `budget` messages; the last number looked at, or None when there is no more."""
        given = 0
        try:
            run = await runs.read_sending_run(self._database.pool, request.run_id)
            if run is None:
                raise NotFound(f"run {request.run_id} is not in the ledger")
            if run.status is not RunStatus.ACTIVE or run.blocked_seconds > self._settings.batch_seconds:
                return None
            await asyncio.sleep(run.blocked_seconds)
            limit = min([budget, *_a_second_of(run)])
            found = await claims.candidates(
                self._database.pool, request.run_id, request.wave, first, request.last, limit
            )
            if not found:
                return None
            template = await load_compiled(self._database, self._templates, run.template_version_id)
            rendered = [_render(template, candidate) for candidate in found]
            connection = await self._connections.get(run.connector_id)
            wait, spacing = await self._reserve(request.run_id, run, rendered)
            await asyncio.sleep(wait)
            batch.connector_id = run.connector_id
            given = await self._claim(batch, request, run, connection, found, rendered, spacing)
            return found[-1].number
        finally:
            await self._budget.give_back(budget - given)

    async def _claim(
        self,
        batch: BatchInFlight,
        request: BatchRequest,
        run: runs.SendingRun,
        connection: ProviderConnection,
        found: Sequence[Candidate],
        rendered: Sequence[Rendered],
        spacing: float,
    ) -> int:
        """Claims the chunk and hands it to the crew; how many messages were claimed."""
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
        attempts = {claim.id: claim.attempt for claim in claimed}
        sender = SenderAddress(run.sender_kind, run.sender_address)
        start = time.monotonic()
        position = 0
        for candidate, text in zip(found, rendered, strict=True):
            attempt = attempts.get(candidate.id)
            if attempt is None or text.body is None:
                continue
            message = OutgoingMessage(candidate.id, attempt, candidate.address, text.body, valid_until)
            self._jobs.put_nowait(_Job(message, connection, sender, batch, start + position * spacing))
            position += 1
        return len(claimed)

    async def _reserve(self, run_id: UUID, run: runs.SendingRun, rendered: Sequence[Rendered]) -> tuple[float, float]:
        """Takes tokens for the chunk; seconds until the first message and between two messages."""
        messages = float(sum(1 for item in rendered if item.body is not None))
        parts = float(sum(item.parts for item in rendered if item.body is not None))
        demands = [
            pacing.Demand(key, speed, tokens)
            for key, speed, tokens in (
                (f"campaign/{run_id}", run.campaign_speed, messages),
                (f"connector/{run.connector_id}", run.connector_speed, parts),
                (f"sender/{run.sender_id}", run.sender_speed, parts),
            )
            if speed is not None
        ]
        if not demands or not messages:
            return 0.0, 0.0
        wait = await pacing.reserve(self._database.pool, demands)
        return wait, max(item.tokens / item.per_second for item in demands) / messages

    async def _work(self) -> None:
        """One of the crew: calls the provider for one message after another."""
        while True:
            job = await self._jobs.get()
            try:
                self._recorder.add(job.batch, await self._call(job))
            finally:
                self._jobs.task_done()

    async def _call(self, job: _Job) -> AttemptOutcome:
        delay = job.not_before - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        message = job.message
        if self._stopping or time.monotonic() > message.valid_until:
            return released(message)
        try:
            return to_outcome(message, await job.connection.send(message, job.sender))
        except Exception as error:  # noqa: BLE001 - the crew's outermost edge: a defect must not lose a message
            _log.exception("a connector failed")
            return broken(message, type(error).__name__)

    async def _recorded(self, batch: BatchInFlight, count: int) -> None:
        batch.finished(count)
        await self._budget.give_back(count)


def _a_second_of(run: runs.SendingRun) -> list[int]:
    """Messages that one second of traffic holds under each limit of the run."""
    speeds = (run.campaign_speed, run.sender_speed, run.connector_speed)
    return [max(1, int(speed * _SECONDS_OF_TOKENS)) for speed in speeds if speed is not None]


def _render(template: CompiledTemplate, candidate: Candidate) -> Rendered:
    try:
        text = template.render(candidate.variables)
    except TemplateRefused as refusal:
        return Rendered(candidate.id, None, 0, refusal.code)
    return Rendered(candidate.id, text.body, text.parts.parts)
