"""Sending batches: read, render, take tokens, claim, call, record — the one place where messages leave the house.

One `SendingEngine` per worker process. It holds at most `settings.chunk` messages claimed and unrecorded, whatever
the number of batches it works on: that is what a crash of the process can put in doubt. Calls are made by a fixed
crew of `settings.requests_in_flight` tasks, and answers are recorded in grouped commits beside them.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, cast
from uuid import UUID

from heliograph.db import claims, direct
from heliograph.db.claims import Candidate, Rendered
from heliograph.db.direct import DirectClaim, NewDirectMessage
from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.db.runs import SendingRun, read_sending_run
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.errors import Defect, HeliographError, NotFound
from heliograph.pacing.budget import ClaimBudget
from heliograph.pacing.tokens import largest_chunk, reserve, reserve_direct
from heliograph.providers.protocol import (
    BatchConnection,
    EmailContent,
    Outcome,
    OutgoingMessage,
    ProviderConnection,
    SenderAddress,
)
from heliograph.providers.registry import provider
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

_Item = TypeVar("_Item")

_CONNECTOR_AWAY: Final = timedelta(seconds=30)
"""When to try direct messages again whose connector cannot be opened."""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A key range of one wave of a run."""

    workspace_id: UUID
    run_id: UUID
    wave: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Job:
    """Claimed messages on their way to the provider in one call: one, unless the provider takes many."""

    messages: Sequence[OutgoingMessage]
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
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
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
            messages, claimed_at = await self._claim(batch, request, found, rendered)
            claimed = len(messages)
            sender = SenderAddress(run.sender_kind, run.sender_address)
            size = provider(run.provider).capabilities.batch_size
            jobs = [Job(part, connection, sender, batch, claimed_at) for part in batched(messages, size)]
            self._hand_over(jobs, tokens.spacing * size)
            return found[-1].number + 1
        finally:
            await self._budget.give_back(held - claimed)

    async def _claim(
        self,
        batch: BatchInFlight,
        request: BatchRequest,
        found: Sequence[Candidate],
        rendered: Sequence[Rendered],
    ) -> tuple[list[OutgoingMessage], float]:
        """Claims the chunk, and when; from here on each of its messages must be recorded."""
        settings = self._settings
        # The lease counts from before the statement, so that our clock is never ahead of the ledger's. Nothing is
        # written to a provider unless its answer can still come before the lease ends.
        claimed_at = time.monotonic()
        valid_until = self._valid_until(claimed_at)
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
        messages = [
            OutgoingMessage(candidate.id, attempt, candidate.address, text.body, valid_until)
            for candidate, text in zip(found, rendered, strict=True)
            if text.body is not None and (attempt := attempts.get(candidate.id)) is not None
        ]
        return messages, claimed_at

    def _valid_until(self, claimed_at: float) -> float:
        return claimed_at + self._settings.lease_seconds - self._settings.provider_timeout_seconds

    async def send_direct(self, category: Category) -> int:
        """Sends what is due of a category's direct messages, one chunk; how many it claimed.

        The chunk is claimed before tokens are taken, since it may go through many connectors: a message whose turn
        would come after its lease is given back, and claimed again.
        """
        if not await direct.any_due(self._database.pool, category):
            return 0
        held = await self._budget.take()
        taken = 0
        try:
            claimed_at = time.monotonic()
            lease = timedelta(seconds=self._settings.lease_seconds)
            claimed = await direct.claim(self._database.pool, category, held, lease)
            taken = len(claimed)
            for route, part in _by_route(claimed).items():
                await self._send_claimed(route, part, claimed_at)
        finally:
            await self._budget.give_back(held - taken)
        return taken

    async def send_now(self, workspace_id: UUID, messages: Sequence[NewDirectMessage]) -> list[tuple[UUID, bool]]:
        """Queues, claims and sends messages of one category; returns when their outcomes are recorded.

        For each its id, and whether it was new: one that was there before is not sent again. What cannot be sent
        now (its connector is blocked, its provider asks for a pause) stays queued, and its lane sends it later.
        """
        answers: list[tuple[UUID, bool]] = []
        for part in batched(messages, max(1, self._settings.chunk // 2)):
            answers += await self._send_part_now(workspace_id, part)
        return answers

    async def _send_part_now(self, workspace_id: UUID, messages: Sequence[NewDirectMessage]) -> list[tuple[UUID, bool]]:
        await self._budget.take_exactly(len(messages))
        taken = 0
        try:
            claimed_at = time.monotonic()
            lease = timedelta(seconds=self._settings.lease_seconds)
            async with self._database.transaction() as connection:
                queued = await direct.queue(connection, workspace_id, messages)
                fresh = [message_id for message_id, is_fresh in queued if is_fresh]
                claimed = await direct.claim_these(connection, messages[0].category, fresh, lease) if fresh else []
            taken = len(claimed)
            batches = [await self._send_claimed(route, part, claimed_at) for route, part in _by_route(claimed).items()]
        finally:
            await self._budget.give_back(len(messages) - taken)
        for batch in batches:
            await batch.drained()
        return queued

    async def _send_claimed(
        self, route: "_DirectRoute", claimed: Sequence[DirectClaim], claimed_at: float
    ) -> BatchInFlight:
        """Hands a route's messages to the crew. Whatever happens here, each of them is recorded."""
        described = Route(route.provider, claimed[0].channel, claimed[0].category)
        batch = BatchInFlight(route.workspace_id, None, route.connector_id, described)
        batch.started(len(claimed))
        metrics.record_claimed(described, len(claimed))
        valid_until = self._valid_until(claimed_at)
        messages = [_outgoing(claim, valid_until) for claim in claimed]
        try:
            connection = await self._connections.get(route.connector_id)
            tokens = await reserve_direct(self._database.pool, claimed)
        except (HeliographError, *DATABASE_TROUBLE) as error:
            _log.warning("direct messages wait: connector %s: %s", route.connector_id, type(error).__name__)
            later = datetime.now(UTC) + _CONNECTOR_AWAY
            for message in messages:
                self._recorder.add(batch, replace(released(message), due_at=later))
            return batch
        size = provider(route.provider).capabilities.batch_size
        sender = SenderAddress(claimed[0].sender_kind, claimed[0].sender_address)
        jobs = [Job(part, connection, sender, batch, claimed_at) for part in batched(messages, size)]
        self._hand_over(jobs, tokens.spacing * size, tokens.wait)
        return batch

    def _hand_over(self, jobs: Sequence[Job], spacing: float, wait: float = 0.0) -> None:
        """Queues the jobs for the crew, spread over the time that their tokens cover."""
        if not spacing and not wait:
            for job in jobs:
                self._jobs.put_nowait(job)
            return
        loop = asyncio.get_running_loop()
        for position, job in enumerate(jobs):
            loop.call_later(wait + position * spacing, self._jobs.put_nowait, job)

    async def _work(self) -> None:
        """One of the crew: calls the provider for one message after another."""
        while True:
            job = await self._jobs.get()
            try:
                for outcome in await self._call(job):
                    self._recorder.add(job.batch, outcome)
            finally:
                self._jobs.task_done()

    async def _call(self, job: Job) -> list[AttemptOutcome]:
        began = time.monotonic()
        if self._stopping or began > job.messages[0].valid_until:
            return [released(message) for message in job.messages]
        try:
            answers = await _send(job)
        except Exception as error:  # noqa: BLE001 - the crew's outermost edge: a defect must not lose a message
            _log.exception("a connector failed")
            return [broken(message, type(error).__name__) for message in job.messages]
        ended = time.monotonic()
        for message, answer in zip(job.messages, answers, strict=True):
            job.batch.calls.ended(answer, ended - began, ended - job.claimed_at, message.reference)
        return [to_outcome(message, answer) for message, answer in zip(job.messages, answers, strict=True)]

    async def _recorded(self, batch: BatchInFlight, count: int) -> None:
        batch.finished(count)
        await self._budget.give_back(count)


async def _send(job: Job) -> Sequence[Outcome]:
    if len(job.messages) == 1:
        return [await job.connection.send(job.messages[0], job.sender)]
    answers = await cast("BatchConnection", job.connection).send_batch(job.messages, job.sender)
    if len(answers) != len(job.messages):
        raise Defect(f"{len(job.messages)} messages were sent and {len(answers)} answers came")
    return answers


def batched(messages: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Parts of at most `size`."""
    return (messages[start : start + size] for start in range(0, len(messages), size))


@dataclass(frozen=True, slots=True)
class _DirectRoute:
    """What direct messages must share to be sent and recorded together."""

    workspace_id: UUID
    connector_id: UUID
    sender_id: UUID
    provider: str


def _by_route(claimed: Sequence[DirectClaim]) -> dict[_DirectRoute, list[DirectClaim]]:
    routes: defaultdict[_DirectRoute, list[DirectClaim]] = defaultdict(list)
    for each in claimed:
        routes[_DirectRoute(each.workspace_id, each.connector_id, each.sender_id, each.provider)].append(each)
    return routes


def _outgoing(claim: DirectClaim, valid_until: float) -> OutgoingMessage:
    email = EmailContent(**claim.content) if claim.channel is Channel.EMAIL else None
    return OutgoingMessage(claim.id, claim.attempt, claim.address, claim.body, valid_until, email)


def _render(template: CompiledTemplate, candidate: Candidate) -> Rendered:
    try:
        text = template.render(candidate.variables)
    except TemplateRefused as refusal:
        return Rendered(candidate.id, None, 0, refusal.code)
    return Rendered(candidate.id, text.body, text.parts.parts)
