"""Grouped commits of answers: what came while one commit was under way goes into the next."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from heliograph.db import bounces, direct, outcomes, pacing, part_names, receipts, routes, runs
from heliograph.db.bounces import HARD_BOUNCE, LostAddress
from heliograph.db.engine import Connection, Database, Pool
from heliograph.db.outcomes import AttemptOutcome
from heliograph.db.receipts import StoredReceipts
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.health import shut
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass, RunStatus
from heliograph.pacing.routing import can_send
from heliograph.providers.registry import providers
from heliograph.services.measuring import measure_moves
from heliograph.services.outcomes import Consequences, consequences
from heliograph.telemetry import metrics
from heliograph.telemetry.calls import BatchCalls
from heliograph.telemetry.metrics import Route

_log = logging.getLogger(__name__)

_GROUP = 64
_LINGER_SECONDS = 0.02  # a statement costs as much for one message as for twenty
_LONGEST_PAUSE_SECONDS = 5.0
_FIRST_LOOK = timedelta(seconds=10)
"""When to look after a direct message that was sent: poll it, decide its doubt."""
_ACCOUNT_PAUSE = timedelta(seconds=30)


class BatchInFlight:
    """A batch's claimed messages that are not yet recorded. Without `run_id` they are direct messages."""

    def __init__(
        self, workspace_id: UUID, run_id: UUID | None, connector_id: UUID, route: Route, *, routed: bool = False
    ) -> None:
        self.workspace_id = workspace_id
        self.run_id = run_id
        self.connector_id = connector_id
        self.route = route
        self.routed = routed
        known = providers().get(route.provider)  # None: not installed any more, so that nothing goes out
        self.references = known is not None and known.capabilities.references
        self.callbacks = known is not None and known.capabilities.callbacks
        self.calls = BatchCalls(route)
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def started(self, count: int) -> None:
        """`count` more messages are claimed."""
        self._open += count
        if self._open:
            self._idle.clear()

    def finished(self, count: int) -> None:
        """`count` messages stand recorded."""
        self._open -= count
        if not self._open:
            self._idle.set()

    async def drained(self) -> None:
        """Returns when every claimed message stands recorded."""
        await self._idle.wait()


class Recorder:
    """Takes outcomes one by one and commits them in groups; never loses one while PostgreSQL restarts."""

    def __init__(self, database: Database, recorded: Callable[[BatchInFlight, int], Awaitable[None]]) -> None:
        self._database = database
        self._recorded = recorded
        self._pending: list[tuple[BatchInFlight, AttemptOutcome]] = []
        self._arrived = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    def add(self, batch: BatchInFlight, outcome: AttemptOutcome) -> None:
        """Hands over one outcome; it is committed within milliseconds."""
        self._pending.append((batch, outcome))
        self._arrived.set()

    async def aclose(self) -> None:
        """Commits what is pending and ends."""
        self._closing = True
        self._arrived.set()
        await self._task

    async def _run(self) -> None:
        while not (self._closing and not self._pending):
            await self._arrived.wait()
            if len(self._pending) < _GROUP and not self._closing:
                await asyncio.sleep(_LINGER_SECONDS)
            self._arrived.clear()
            group, self._pending = self._pending, []
            by_run: defaultdict[tuple[UUID, UUID | None, UUID], _Group] = defaultdict(_Group)
            for batch, outcome in group:
                by_run[batch.workspace_id, batch.run_id, batch.connector_id].add(batch, outcome)
            await asyncio.gather(*(self._commit(each) for each in by_run.values()))

    async def _commit(self, group: "_Group") -> None:
        """Commits, however long PostgreSQL is away: these answers are known nowhere else.

        A group that PostgreSQL will never take is split, so that one bad outcome harms no other. That one is left to
        its lease, whose end puts the message in doubt.
        """
        pause = 0.1
        while True:
            try:
                await _record(self._database, group)
                break
            except Exception as error:  # noqa: BLE001 - without its recorder a process would claim and never send
                if not _passes(error):
                    if len(group.items) > 1:
                        await asyncio.gather(*(self._commit(part) for part in group.singles()))
                        return
                    _log.exception("an outcome cannot be recorded: its lease will put the message in doubt")
                    break
                _log.warning("%d outcomes wait for PostgreSQL: %s", len(group.items), type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
        for batch, items in group.by_batch.items():
            _measure(batch, items)
            await self._recorded(batch, len(items))


class _Group:
    """Outcomes of one run on one connector, whichever of its batches they belong to."""

    def __init__(self) -> None:
        self.items: list[AttemptOutcome] = []
        self.by_batch: defaultdict[BatchInFlight, list[AttemptOutcome]] = defaultdict(list)

    def add(self, batch: BatchInFlight, outcome: AttemptOutcome) -> None:
        self.items.append(outcome)
        self.by_batch[batch].append(outcome)

    def singles(self) -> "Iterator[_Group]":
        """Its outcomes one by one."""
        for batch, items in self.by_batch.items():
            for item in items:
                alone = _Group()
                alone.add(batch, item)
                yield alone

    @property
    def may_be_parked(self) -> bool:
        """Whether receipts of these messages may name nothing but the provider's ids."""
        return not self.batch.references and any(item.provider_message_id for item in self.items)

    @property
    def names_parts(self) -> bool:
        """Whether a provider gave each part an id of its own."""
        return any(item.part_ids for item in self.items)

    @property
    def provider_message_ids(self) -> list[str]:
        """The ids that the provider gave."""
        return [item.provider_message_id for item in self.items if item.provider_message_id]

    @property
    def batch(self) -> BatchInFlight:
        """Any of its batches, for what they share."""
        return next(iter(self.by_batch))


def _passes(error: Exception) -> bool:
    """Whether trying again helps. What asyncpg cannot encode is an `InterfaceError` too, and stays as it is."""
    return isinstance(error, DATABASE_TROUBLE) and not isinstance(error, ValueError)


def _measure(batch: BatchInFlight, items: Sequence[AttemptOutcome]) -> None:
    """What the group adds to the metrics; next to nothing while nobody listens."""
    batch.calls.flush()
    by_outcome = Counter((item.state, item.error_class) for item in items)
    for (state, error_class), count in by_outcome.items():
        if state is MessageState.ACCEPTED:
            metrics.record_accepted(batch.route, count, batch.calls.take_latencies())
        elif state is MessageState.REJECTED:
            metrics.record_rejected(batch.route, error_class or ErrorClass.OTHER, count)
        elif state is MessageState.IN_DOUBT:
            metrics.record_doubted(batch.route, count, error_class or ErrorClass.UNKNOWN_OUTCOME)
        elif error_class is not None:
            metrics.record_returned(batch.route, error_class, count)


async def _record(database: Database, group: _Group) -> None:
    """One commit. Where nothing follows from the answers, as mostly, it is one statement and one round trip."""
    result = consequences(group.items, group.batch.route.channel)
    parked = group.may_be_parked and await _any_parked(database, group)
    if result.none and group.batch.run_id is not None and not parked and not group.names_parts:
        await _write(database.pool, group)
        return
    joined = StoredReceipts()
    async with database.transaction() as connection:
        await _write(connection, group)
        await part_names.name_parts(connection, group.batch.workspace_id, group.batch.connector_id, group.items)
        if parked:
            joined = await receipts.join_parked(connection, group.batch.connector_id, group.provider_message_ids)
        if group.batch.run_id is None:
            answered = [(group.batch.workspace_id, item.message_id) for item in group.items]
            await direct.follow(connection, answered, _FIRST_LOOK)
        await _follow(connection, group.batch, result)
    measure_moves(joined.moves)


async def _any_parked(database: Database, group: _Group) -> bool:
    """Whether receipts that name only the provider's id came before the commit that tells it, and this one joins them.

    Asked before that commit, which mostly stays one round trip then. One that comes in between is swept.
    """
    if group.names_parts:
        return True  # receipts of parts stand under the parts' names: only `name_parts` can tell whose they are
    return await receipts.any_parked(database.pool, group.batch.connector_id, group.provider_message_ids)


async def _another_can_send(connection: Connection, batch: BatchInFlight, reason: str) -> bool:
    """The provider refuses the account. Whether the run can go on through another connector; this one is shut."""
    if not batch.routed:
        return False
    await _shut(connection, batch, reason)
    ways = await routes.read_ways(connection, batch.workspace_id, batch.route.channel, batch.route.category)
    return any(can_send(way) for way in ways if way.connector_id != batch.connector_id)


async def _shut(connection: Connection, batch: BatchInFlight, reason: str) -> None:
    health = shut(await routes.read_health(connection, batch.connector_id), datetime.now(UTC), reason)
    await routes.save_health(connection, batch.workspace_id, batch.connector_id, health)


async def _write(connection: Connection | Pool, group: _Group) -> None:
    batch = group.batch
    await outcomes.record(connection, workspace_id=batch.workspace_id, run_id=batch.run_id, outcomes=group.items)


async def _follow(connection: Connection, batch: BatchInFlight, result: Consequences) -> None:
    if result.opted_out:
        await outcomes.suppress(
            connection,
            workspace_id=batch.workspace_id,
            message_ids=[item.message_id for item in result.opted_out],
            reason="opt_out",
            source=f"provider {result.opted_out[0].error_code}",
        )
    if result.bounced:
        lost = [LostAddress(item.message_id, "", HARD_BOUNCE, f"provider {item.error_code}") for item in result.bounced]
        await bounces.suppress(connection, workspace_id=batch.workspace_id, connector_id=batch.connector_id, lost=lost)
    if result.blocked_seconds is not None:
        await pacing.block(connection, f"connector/{batch.connector_id}", timedelta(seconds=result.blocked_seconds))
    if batch.run_id is None:
        if result.pause_reason is not None:  # nobody to pause: the account is asked again after a while
            await _shut(connection, batch, result.pause_reason)
            await pacing.block(connection, f"connector/{batch.connector_id}", _ACCOUNT_PAUSE)
    elif result.pause_reason is not None and not await _another_can_send(connection, batch, result.pause_reason):
        await runs.change_status(
            connection,
            batch.run_id,
            RunStatus.PAUSED,
            allowed=frozenset({RunStatus.ACTIVE}),
            reason=result.pause_reason,
        )
    elif result.any_in_doubt:
        await runs.pause_if_too_much_is_in_doubt(connection, batch.run_id)
