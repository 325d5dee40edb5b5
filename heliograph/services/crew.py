"""The crew of a process: the tasks that call providers, within one budget of claims, and the recorder beside them.

It holds at most `settings.chunk` messages claimed and unrecorded, whatever the number of batches it works on: that is
what a crash of the process can put in doubt. Calls are made by a fixed crew of `settings.requests_in_flight` tasks, and
answers are recorded in grouped commits beside them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar, cast

from heliograph.db.engine import Database
from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import MessageState
from heliograph.errors import Defect
from heliograph.pacing.budget import ClaimBudget
from heliograph.pacing.health import CallCounter
from heliograph.providers.protocol import (
    BatchConnection,
    Outcome,
    OutgoingMessage,
    ProviderConnection,
    SenderAddress,
)
from heliograph.services.outcomes import broken, released, to_outcome
from heliograph.services.recording import BatchInFlight, Recorder
from heliograph.services.watching import Watch
from heliograph.settings import Settings

_log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Job:
    """Claimed messages on their way to the provider in one call: one, unless the provider takes many."""

    messages: Sequence[OutgoingMessage]
    connection: ProviderConnection
    sender: SenderAddress
    batch: BatchInFlight
    claimed_at: float  # time.monotonic()


def batched(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


class Crew:
    """Takes jobs, makes their calls, hands the outcomes to the recorder."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._settings = settings
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._later: dict[int, tuple[asyncio.TimerHandle, Job]] = {}  # jobs whose moment has not come
        self._numbers = count()
        self._begun: set[asyncio.Task[Any]] = set()
        self._counter = CallCounter(database)
        self._watch = Watch(database)
        self.budget = ClaimBudget(settings.chunk)
        self.recorder = Recorder(database, self._recorded)
        self.stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the crew; at the end every claimed message is sent or released, and recorded."""
        tasks = [asyncio.create_task(self._work()) for _ in range(self._settings.requests_in_flight)]
        async with self._counter.running():
            try:
                yield
            finally:
                self.stopping = True
                await asyncio.gather(*self._begun, return_exceptions=True)
                for number, (timer, _) in list(self._later.items()):
                    timer.cancel()
                    self._begin(number)
                await self._jobs.join()
                await self.recorder.aclose()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def valid_until(self, claimed_at: float) -> float:
        """Until when a message claimed then may be written: its answer must come before its lease ends."""
        return claimed_at + self._settings.lease_seconds - self._settings.provider_timeout_seconds

    def hand_over(self, jobs: Iterator[Job], *, spacing: float, wait: float = 0.0) -> None:
        """Takes the jobs, in `wait` seconds and spread over the time that their tokens cover."""
        if self.stopping or (not spacing and not wait):
            for job in jobs:
                self._jobs.put_nowait(job)
            return
        loop = asyncio.get_running_loop()
        for position, job in enumerate(jobs):
            number = next(self._numbers)
            self._later[number] = loop.call_later(wait + position * spacing, self._begin, number), job

    def _begin(self, number: int) -> None:
        _, job = self._later.pop(number)
        self._jobs.put_nowait(job)

    async def finish(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Does `work` to its end even when its caller is cancelled.

        For what claims messages: one that is neither handed over nor recorded would come to be in doubt, though nobody
        sent it, and keep its place in the budget for ever.
        """
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return await asyncio.shield(task)

    async def _work(self) -> None:
        """One of the crew: calls the provider for one job after another."""
        while True:
            job = await self._jobs.get()
            try:
                outcomes = await self._call(job)
                for outcome in outcomes:
                    self.recorder.add(job.batch, outcome)
                if job.batch.callbacks and any(outcome.state is MessageState.ACCEPTED for outcome in outcomes):
                    await self._watch.accepted(job.batch.workspace_id, job.batch.connector_id)
            finally:
                self._jobs.task_done()

    async def _call(self, job: Job) -> list[AttemptOutcome]:
        began = time.monotonic()
        if self.stopping or began > job.messages[0].valid_until:
            return [released(message) for message in job.messages]
        try:
            answers = await _send(job)
        except Exception as error:  # noqa: BLE001 - the crew's outermost edge: a defect must not lose a message
            _log.exception("a connector failed")
            return [broken(message, type(error).__name__) for message in job.messages]
        ended = time.monotonic()
        self._counter.ended(job.batch.workspace_id, job.batch.connector_id, answers, ended - began)
        for message, answer in zip(job.messages, answers, strict=True):
            job.batch.calls.ended(answer, ended - began, ended - job.claimed_at, message.reference)
        return [to_outcome(message, answer) for message, answer in zip(job.messages, answers, strict=True)]

    async def _recorded(self, batch: BatchInFlight, count: int) -> None:
        batch.finished(count)
        await self.budget.give_back(count)


async def _send(job: Job) -> Sequence[Outcome]:
    if len(job.messages) == 1:
        return [await job.connection.send(job.messages[0], job.sender)]
    answers = await cast("BatchConnection", job.connection).send_batch(job.messages, job.sender)
    if len(answers) != len(job.messages):
        raise Defect(f"{len(job.messages)} messages were sent and {len(answers)} answers came")
    return answers
