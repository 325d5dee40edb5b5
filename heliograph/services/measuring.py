"""What commits did, told to the metrics: after the commit, in sums."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from heliograph.db.moves import Moves
from heliograph.db.receipts import Fresh, IncomingReport, StoredReceipts
from heliograph.domain.ledger import EXCLUDED, MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Verdict


def measure_moves(moves: Iterable[Moves]) -> None:
    """Counts messages that were settled, excluded, or went in doubt because their lease ran out."""
    for each in moves:
        if each.state in EXCLUDED:
            route = each.route
            metrics.record_excluded(
                route.channel, route.category, each.state, each.reason or "", each.count, type=route.type
            )
        elif each.state is MessageState.IN_DOUBT:
            metrics.record_doubted(each.route, each.count, each.error_class or ErrorClass.UNKNOWN_OUTCOME)
        else:
            metrics.record_settled(
                each.route, each.state, each.count, error_class=each.error_class, lags_seconds=each.lags
            )


def measure_reports(
    providers: Mapping[UUID, str],
    reports: Sequence[IncomingReport],
    stored: StoredReceipts,
    refused: Collection[int] = (),
) -> None:
    """Counts reports that providers brought: stored, parked or repeated. `providers` by connector; `refused` by index.

    A report that stood twice in the batch is stored once and repeated once.
    """
    if not metrics.metrics_enabled():
        return
    brought = Counter(report.connector_id for report in reports)
    bad = Counter(reports[index].connector_id for index in refused)
    for connector_id, count in brought.items():
        fresh = stored.fresh.get(connector_id, Fresh())
        verdicts = {
            Verdict.STORED: fresh.stored - fresh.parked,
            Verdict.PARKED: fresh.parked,
            Verdict.REFUSED: bad[connector_id],
            Verdict.REPEATED: count - fresh.stored - bad[connector_id],
        }
        for verdict, number in verdicts.items():
            metrics.record_callbacks(providers[connector_id], verdict, number)
