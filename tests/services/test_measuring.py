"""What commits did reaches the metrics, once."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from bench.ledger_seed import seed_run
from heliograph.db.engine import Database
from heliograph.db.moves import Moves
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.services.measuring import measure_moves, measure_reports
from heliograph.services.receipts import store
from heliograph.telemetry.metrics import Route, install_tally
from heliograph.telemetry.tally import Tally
from tests.db.test_receipts import report
from tests.past import seed_messages

ROUTE = Route("twilio", Channel.SMS, Category.OTP, "2FA")
S = MessageState


@pytest.fixture
def tally() -> Iterator[Tally]:
    """What is counted meanwhile."""
    counted = Tally()
    install_tally(counted)
    yield counted
    install_tally(None)


async def test_reports_are_stored_parked_repeated_or_refused(database: Database, tally: Tally) -> None:
    run = await seed_run(database)
    [message] = await seed_messages(database.pool, run, 1)
    reports = [
        report(run, message, S.SENT),
        report(run, message, S.SENT),
        report(run, message, S.DELIVERED),
        report(run, None, S.SENT),
        report(run, uuid4(), S.SENT),
        report(run, message, S.FAILED)._replace(status="\0"),
    ]
    stored = await store(database, reports)
    tally.take()
    measure_reports({run.connector_id: "twilio"}, reports, stored.receipts, stored.refused)
    told = {each.labels["verdict"]: each.count for each in tally.take()}
    assert told == {"stored": 2, "repeated": 1, "parked": 2, "refused": 1}


def test_each_move_is_counted_where_it_belongs(tally: Tally) -> None:
    measure_moves(
        [
            Moves(ROUTE, S.DELIVERED, 2, lags=[1.0, 2.0]),
            Moves(ROUTE, S.UNDELIVERED, 1, error_class=ErrorClass.DELIVERY),
            Moves(ROUTE, S.UNCONFIRMED, 3),
            Moves(ROUTE, S.UNKNOWN, 4),
            Moves(ROUTE, S.IN_DOUBT, 5, error_class=ErrorClass.UNKNOWN_OUTCOME),
            Moves(ROUTE, S.SUPPRESSED, 6, reason="opt_out"),
            Moves(ROUTE, S.QUEUED, 7),
        ]
    )
    told = tally.take()
    assert {each.name.removeprefix("heliograph."): each.count for each in told} == {
        "messages.delivered": 2,
        "receipt.lag": 2,
        "messages.undelivered": 1,
        "messages.unconfirmed": 3,
        "messages.unknown": 4,
        "messages.doubted": 5,
        "messages.excluded": 6,
    }
    assert {each.labels["type"] for each in told} == {"2FA"}
