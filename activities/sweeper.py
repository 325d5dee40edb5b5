"""The sweeper's activity: settles what a dead process left behind, and tells workflows how far their runs are."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.heartbeats import Heartbeats, heartbeats
from heliograph.contracts import CampaignLaunch, SweepResult, campaign_workflow_id
from heliograph.db import audiences, direct, exports, idempotency, leases, receipts, runs, waiting
from heliograph.db.connectors import connectors_to_listen_to
from heliograph.db.engine import Database
from heliograph.db.moves import total
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.ledger import OPEN
from heliograph.providers.registry import providers
from heliograph.services.connections import Connections
from heliograph.services.exports import remove_expired_exports
from heliograph.services.health import judge_connectors
from heliograph.services.in_doubt import resolve_in_doubt
from heliograph.services.looking_after import askable, look_after
from heliograph.services.measuring import measure_moves
from heliograph.services.starting import start_campaign, start_export, start_import, start_listening, start_polling
from heliograph.services.watchdog import describe, read_silences
from heliograph.settings import Settings

_log = logging.getLogger(__name__)

_ROUND = timedelta(minutes=10)
_ANNOUNCE_SECONDS = 1.0
_LOOK_FOR_WORKFLOWS_SECONDS = 60.0
_OLD_ENOUGH = timedelta(seconds=30)
_BROKEN_OFF = frozenset(
    {
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
)
_ROWS_AT_A_TIME = 1_000
_WARN_AGAIN_SECONDS = 900.0


class SweeperActivities:
    """Everything it does is safe to do twice, and by two workers at once."""

    def __init__(self, database: Database, client: Client, connections: Connections, settings: Settings) -> None:
        self._database = database
        self._client = client
        self._connections = connections
        self._settings = settings
        self._listening_at: dict[UUID, float] = {}  # time.monotonic(), by connector
        self._polled_at: dict[UUID, float] = {}  # time.monotonic(), by connector
        self._told_at: dict[UUID, float] = {}  # the same, of the watchdog's warnings

    @activity.defn
    async def sweep(self) -> SweepResult:
        """Sweeps for some minutes; the workflow then begins the next round."""
        async with heartbeats() as beating:
            return await self._sweep(beating)

    async def _sweep(self, beating: Heartbeats) -> SweepResult:
        total = SweepResult()
        now = time.monotonic()
        end, next_sweep, next_look = now + _ROUND.total_seconds(), now, now
        while (now := time.monotonic()) < end and not activity.is_worker_shutdown():
            await runs.announce_progress(self._database.pool, [state.value for state in OPEN])
            if now >= next_sweep:
                next_sweep = now + self._settings.sweep_seconds
                total = _plus(total, await self._settle())
                await self._start_polling()
                await self._start_listening()
            if now >= next_look:
                next_look = now + _LOOK_FOR_WORKFLOWS_SECONDS
                total = _plus(total, SweepResult(restarted=await self._restart_lost_workflows()))
                await idempotency.delete_expired_keys(self._database)
                await remove_expired_exports(self._database, self._settings)
                await self._warn_of_silence()
            beating.update(**total.model_dump())
            await asyncio.sleep(_ANNOUNCE_SECONDS)
        return total

    async def _settle(self) -> SweepResult:
        async with self._database.transaction() as connection:
            expired = await leases.settle_expired(connection)
            direct_expired = await direct.settle_expired(connection)
            settled = expired.by_run
            for run_id in settled:
                await runs.pause_if_too_much_is_in_doubt(connection, run_id)
        for run_id, count in settled.items():
            _log.warning("run %s: %d claims of a lost worker are in doubt", run_id, count)
        await judge_connectors(self._database)
        async with self._database.transaction() as connection:
            joined = await receipts.sweep_parked(connection, _ROWS_AT_A_TIME)
        measure_moves((*expired.moves, *direct_expired, *joined.moves))
        resolve = resolve_in_doubt(self._database, self._connections, self._settings)
        return SweepResult(
            settled=total(expired.moves) + total(direct_expired),
            joined=joined.stored,
            resolved=await _apart(resolve, "messages in doubt"),
            ended=await _apart(self._look_after_direct_messages(), "direct messages"),
        )

    async def _look_after_direct_messages(self) -> int:
        """Those whose time has come: ended, given up, or left to be polled."""
        window = timedelta(seconds=self._settings.receipt_window_seconds)
        async with self._database.transaction() as connection:
            given_up = await waiting.leave_doubt(connection, window, _ROWS_AT_A_TIME)
        measure_moves(given_up)
        looked = await look_after(self._database, self._settings)
        return total(given_up) + looked.ended + total(looked.unconfirmed)

    async def _start_listening(self) -> None:
        """Sees to it that a workflow keeps open what things come over; looks after each now and then."""
        for connector in await connectors_to_listen_to(self._database.pool, _listening_providers()):
            now = time.monotonic()
            if now - self._listening_at.get(connector.connector_id, float("-inf")) < _LOOK_FOR_WORKFLOWS_SECONDS:
                continue
            try:
                await start_listening(self._client, connector)
                self._listening_at[connector.connector_id] = now
            except RPCError as error:  # the next round tries again
                _log.error("the listener of connector %s cannot be started: %s", connector.connector_id, error.message)

    async def _start_polling(self) -> None:
        """Sees to it that a workflow asks about what no receipt tells; calls each at most once per poll."""
        for asked in await waiting.to_ask(self._database.pool, *askable()):
            now = time.monotonic()
            if now < self._polled_at.get(asked.connector_id, 0.0) + self._settings.poll_seconds:
                continue
            try:
                await start_polling(self._client, asked)
                self._polled_at[asked.connector_id] = now
            except RPCError as error:  # the next round tries again
                _log.error("polling of connector %s cannot be started: %s", asked.connector_id, error.message)

    async def _warn_of_silence(self) -> None:
        """Says of each connector that brings no receipts so, at its first round and then now and then."""
        silences = await read_silences(self._database.pool, self._settings)
        now = time.monotonic()
        silent = {each.connector_id for each in silences}
        for connector_id in self._told_at.keys() - silent:
            _log.warning("connector %s brings receipts again", connector_id)
        self._told_at = {key: at for key, at in self._told_at.items() if key in silent}
        for each in silences:
            if now >= self._told_at.get(each.connector_id, -_WARN_AGAIN_SECONDS) + _WARN_AGAIN_SECONDS:
                self._told_at[each.connector_id] = now
                _log.warning("connector %s: %s", each.connector_id, describe(each, self._settings))

    async def _restart_lost_workflows(self) -> int:
        """Starts the workflow of every open run that has none: its start was lost, or the cluster was replaced."""
        restarted = 0
        for workspace_id, run_id in await runs.open_runs(self._database.pool, _OLD_ENOUGH):
            try:
                if not await self._has_workflow(run_id):
                    _log.warning("run %s is open and has no workflow: starting it", run_id)
                    plan = await runs.read_plan(self._database.pool, run_id)
                    launch = CampaignLaunch.model_validate(
                        {**(plan or {}), "workspace_id": workspace_id, "run_id": run_id}
                    )
                    await start_campaign(self._client, launch)
                    restarted += 1
            except RPCError as error:  # one run must not keep the others unswept; the next round tries again
                _log.error("run %s has no workflow, and it cannot be started: %s", run_id, error.message)
        for workspace_id, import_id in await audiences.running_imports(self._database.pool, _OLD_ENOUGH):
            try:
                await start_import(self._client, workspace_id, import_id)  # one that runs is left alone
            except RPCError as error:
                _log.error("import %s cannot be started: %s", import_id, error.message)
        for workspace_id, export_id in await exports.running_exports(self._database.pool, _OLD_ENOUGH):
            try:
                await start_export(self._client, workspace_id, export_id)  # one that runs is left alone
            except RPCError as error:
                _log.error("export %s cannot be started: %s", export_id, error.message)
        return restarted

    async def _has_workflow(self, run_id: UUID) -> bool:
        """Whether it runs or has run to its end; one that was terminated or cancelled in Temporal is none."""
        try:
            found = await self._client.get_workflow_handle(campaign_workflow_id(run_id)).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return found.status not in _BROKEN_OFF


async def _apart(step: Coroutine[Any, Any, int], what: str) -> int:
    """What `step` did. One connector or row that breaks it must not keep all other steps from being done, for ever."""
    try:
        return await step
    except DATABASE_TROUBLE:
        raise
    except Exception:  # noqa: BLE001 - a defect: told each round, until somebody mends it
        _log.exception("the sweep of %s fails", what)
        return 0


def _plus(left: SweepResult, right: SweepResult) -> SweepResult:
    return SweepResult(
        settled=left.settled + right.settled,
        resolved=left.resolved + right.resolved,
        joined=left.joined + right.joined,
        restarted=left.restarted + right.restarted,
        ended=left.ended + right.ended,
    )


def _listening_providers() -> list[str]:
    return [key for key, kind in providers().items() if kind.capabilities.listens]
