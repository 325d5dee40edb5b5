"""Activities of a campaign's run, on the lane `control`: thin, idempotent shells over the ledger."""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from heliograph.contracts import (
    ChangeSpeed,
    ChangeStatus,
    Closing,
    DiscardQueued,
    RunFigures,
    RunPlan,
    RunReference,
)
from heliograph.db import freeze, runs
from heliograph.db.counters import read_figures
from heliograph.db.engine import Connection, Database
from heliograph.db.moves import Moves
from heliograph.domain.batches import BatchRange
from heliograph.domain.campaigns import batch_size
from heliograph.domain.vocabulary import RunStatus
from heliograph.errors import NotFound
from heliograph.services.measuring import measure_moves
from heliograph.settings import Settings

_RANGES_AT_A_TIME = 64

FROM_STATUS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.SCHEDULED: frozenset({RunStatus.PAUSED}),
    RunStatus.ACTIVE: frozenset({RunStatus.SCHEDULED, RunStatus.PAUSED}),
    RunStatus.PAUSED: frozenset({RunStatus.SCHEDULED, RunStatus.ACTIVE}),
    RunStatus.STOPPING: frozenset({RunStatus.SCHEDULED, RunStatus.ACTIVE, RunStatus.PAUSED}),
}
"""Which statuses a run may come from."""


class CampaignActivities:
    """Everything `CampaignWorkflow` asks of the world, sending excepted."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @activity.defn
    async def load_plan(self, run: RunReference) -> RunPlan:
        """What the workflow must know of the run."""
        row = await runs.read_plan(self._database.pool, run.run_id)
        if row is None:
            raise NotFound(f"run {run.run_id} is not in the ledger")
        return RunPlan(
            **{**row, "receipt_window": timedelta(seconds=row["receipt_window"])},
            first_poll=timedelta(seconds=self._settings.first_poll_seconds),
            in_doubt_after=timedelta(seconds=self._settings.in_doubt_seconds),
            lease=timedelta(seconds=self._settings.lease_seconds),
        )

    @activity.defn
    async def freeze_run(self, run: RunReference) -> RunFigures:
        """Writes the ledger rows of every recipient, a chunk per transaction; goes on where it stopped."""
        while True:
            step = await freeze.freeze_chunk(self._database, run.run_id)
            measure_moves(step.excluded)
            activity.heartbeat(step.frozen_rows)
            if step.done:
                return await self._figures(run)

    @activity.defn
    async def change_status(self, change: ChangeStatus) -> RunStatus:
        """Moves the run, if it is where it may be moved from; the status it has now."""
        async with self._database.transaction() as connection:
            status = await runs.change_status(
                connection,
                change.run_id,
                change.status,
                allowed=FROM_STATUS[change.status] | {change.status},
                reason=change.reason,
            )
        if status is None:
            raise NotFound(f"run {change.run_id} is not in the ledger")
        return status

    @activity.defn
    async def change_speed(self, change: ChangeSpeed) -> None:
        """Sets the run's own speed limit; workers read it before their next chunk."""
        async with self._database.transaction() as connection:
            await runs.change_speed(connection, change.run_id, change.messages_per_second)

    @activity.defn
    async def read_figures(self, run: RunReference) -> RunFigures:
        """The run's figures as they stand."""
        return await self._figures(run)

    @activity.defn
    async def unfinished_ranges(self, run: RunReference) -> list[BatchRange]:
        """Ranges that still hold queued messages: asked when all batches are through, so that none is forgotten."""
        row = await runs.read_plan(self._database.pool, run.run_id)
        size = batch_size(row["messages_per_second"] if row else None)
        found = await runs.queued_ranges(self._database.pool, run.run_id, size, _RANGES_AT_A_TIME)
        return [BatchRange(**item) for item in found]

    @activity.defn
    async def seconds_of_open_claims(self, run: RunReference) -> float:
        """How long until no claim of the run can be alive any more; 0 when none is."""
        return await runs.claimed_until(self._database.pool, run.run_id)

    @activity.defn
    async def discard_queued(self, discard: DiscardQueued) -> RunFigures:
        """Takes every queued message out of the run, a chunk per transaction."""
        after: int | None = 0
        while after is not None:
            activity.heartbeat(after)
            discarded = await runs.discard_queued(
                self._database.pool, discard.run_id, after, discard.state, discard.reason
            )
            measure_moves(discarded.moves)
            after = discarded.through
        return await self._figures(discard)

    @activity.defn
    async def close_run(self, run: RunReference) -> Closing:
        """Gives up waiting, counts the ledger anew, compares the books and freezes the totals."""
        given_up: list[Moves] = []
        async with self._database.transaction() as connection:
            already = await connection.fetchrow(
                "SELECT status::text, totals FROM run WHERE id = $1 FOR UPDATE", run.run_id
            )
            if already["totals"] is None:
                given_up = await runs.give_up_waiting(connection, run.run_id)
                status = await _close(connection, run, RunStatus(already["status"]))
            else:
                status = RunStatus(already["status"])
        measure_moves(given_up)
        return Closing(status=status, balanced=status is not RunStatus.UNBALANCED, figures=await self._figures(run))

    async def _figures(self, run: RunReference | DiscardQueued) -> RunFigures:
        async with self._database.pool.acquire() as connection:
            source = await connection.fetchval("SELECT source_rows FROM run WHERE id = $1", run.run_id)
            figures = await read_figures(connection, run.run_id)
        states: dict[str, int] = {}
        for figure in figures:
            states[figure.state] = states.get(figure.state, 0) + figure.count
        return RunFigures.model_validate({"source_rows": source, "states": states})


async def _close(connection: Connection, run: RunReference, status: RunStatus) -> RunStatus:
    books = await runs.read_books(connection, run.run_id)
    if not books.balanced():
        closed = RunStatus.UNBALANCED
        activity.logger.error("run %s is UNBALANCED: `heliograph campaign verify` shows where", run.run_id)
    else:
        closed = RunStatus.STOPPED if status is RunStatus.STOPPING else RunStatus.COMPLETED
    totals = {
        "source_rows": books.source_rows,
        "counted": books.counted,
        "balanced": books.balanced(),
        "figures": [
            {"state": figure.state.value, "code": figure.code, "count": figure.count, "parts": figure.parts}
            for figure in books.ledger
        ],
        "as_of": datetime.now(UTC).isoformat(),
    }
    await runs.freeze_totals(connection, run.run_id, closed, totals)
    return closed
