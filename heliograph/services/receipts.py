"""Receipts on their way in: from a signed callback, or a poll, to a row of the ledger."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from heliograph.db.engine import Database
from heliograph.db.receipts import IncomingReport, StoredReceipts, store_and_fold
from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest, StatusReport
from heliograph.services.bounces import suppress_reported
from heliograph.services.callback_connectors import CallbackConnectors
from heliograph.services.measuring import measure_moves, measure_reports
from heliograph.services.receipt_batcher import ReceiptBatcher
from heliograph.telemetry.metrics import Verdict, record_callbacks

_log = logging.getLogger(__name__)

_POISON = (
    asyncpg.DataError,  # NUL in a text, a number out of range
    asyncpg.ProgramLimitExceededError,  # a key too long for its index
    asyncpg.IntegrityConstraintViolationError,
)
_TRIES = 6
_MET_ANOTHER = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: the rows that PostgreSQL cannot hold are refused, by index, and the others committed."""

    receipts: StoredReceipts
    refused: dict[int, InvalidInput] = field(default_factory=dict)


def to_incoming(workspace_id: UUID, connector_id: UUID, report: StatusReport) -> IncomingReport:
    """A provider's report as the ledger takes it."""
    error = report.error
    reference = report.reference
    return IncomingReport(
        connector_id,
        workspace_id,
        f"{reference[0]}.{reference[1]}" if reference else report.provider_message_id,
        reference[0] if reference else None,
        reference[1] if reference else None,
        report.part,
        report.provider_status,
        error.code if error else "",
        report.provider_message_id,
        report.state.value,
        error.error_class.value if error else None,
        error.message if error else None,
        report.occurred_at,
    )


async def store(database: Database, reports: Sequence[IncomingReport]) -> Stored:
    """Stores and folds `reports`, committed when this returns; splits off what PostgreSQL cannot hold.

    Raises what `DATABASE_TROUBLE` lists when PostgreSQL is away: then nothing, or a part, is committed, and a
    repetition does no harm.
    """
    if not reports:
        return Stored(StoredReceipts())
    try:
        return Stored(await _commit_patiently(database, reports))
    except _POISON as error:
        if len(reports) == 1:
            _log.warning("a receipt is refused: PostgreSQL cannot hold it (%s)", type(error).__name__)
            rule = "holds a value that cannot be stored: a NUL character, or a text or number beyond its limit"
            return Stored(StoredReceipts(), {0: InvalidInput.of("report", rule, "unstorable")})
    middle = len(reports) // 2
    left, right = await store(database, reports[:middle]), await store(database, reports[middle:])
    refused = {**left.refused, **{middle + index: error for index, error in right.refused.items()}}
    return Stored(left.receipts + right.receipts, refused)


async def _commit_patiently(database: Database, reports: Sequence[IncomingReport]) -> StoredReceipts:
    """Commits anew after a deadlock: many a provider tells only once, and one of those who met is always through."""
    for tried in range(1, _TRIES):
        try:
            return await _commit(database, reports)
        except _MET_ANOTHER:
            await asyncio.sleep(0.02 * tried)
    return await _commit(database, reports)


async def _commit(database: Database, reports: Sequence[IncomingReport]) -> StoredReceipts:
    async with database.transaction() as connection:
        stored = await store_and_fold(connection, reports)
    measure_moves(stored.moves)
    return stored


async def store_callbacks(connectors: CallbackConnectors, reports: Sequence[IncomingReport]) -> Stored:
    """Stores what callbacks brought, as `store` does, and counts what became of it."""
    stored = await store(connectors.database, reports)
    measure_reports(connectors.providers, reports, stored.receipts, stored.refused)
    return stored


async def take_status_callback(
    connectors: CallbackConnectors, batcher: ReceiptBatcher, token: str, request: ProviderRequest
) -> None:
    """Checks a callback and returns when its reports are committed.

    `NotFound` for an unknown token, `Forbidden` for a bad signature, `InvalidInput` naming the field that cannot be
    read, `Unavailable` when PostgreSQL is away: then the provider may repeat it, and polling finds it otherwise.
    """
    connector = await connectors.verified(token, request)
    try:
        reports = connector.provider.parse_status(request, connector.account)
    except InvalidInput:
        record_callbacks(connector.provider.key, Verdict.REFUSED)
        raise
    if reports:
        await batcher.add([to_incoming(connector.workspace_id, connector.id, report) for report in reports])
        await connectors.watch.heard(connector.workspace_id, connector.id)
    if Channel.EMAIL in connector.provider.capabilities.channels:
        await suppress_reported(connectors.database, connector.workspace_id, connector.id, reports)
