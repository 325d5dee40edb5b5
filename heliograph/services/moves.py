"""What commits moved, told to the metrics: after the commit, in sums."""

from collections.abc import Iterable

from heliograph.db.moves import Moves
from heliograph.domain.ledger import EXCLUDED, MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.telemetry import metrics


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
