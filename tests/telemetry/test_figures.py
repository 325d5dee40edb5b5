"""Gauges show what the ledger last said, and an unreachable ledger does not stop them."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from heliograph.db.engine import Database
from heliograph.db.figures import read_ledger_figures
from heliograph.db.tables import Outbox, Workspace
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.telemetry.figures import LedgerFigures, refresh_figures, register_ledger_gauges
from heliograph.telemetry.metrics import Route
from heliograph.telemetry.tracing import span
from tests.telemetry.conftest import Watched

ROUTE = Route("twilio", Channel.SMS, Category.PROMOTIONAL)
FIGURES = LedgerFigures(
    messages={
        (ROUTE, MessageState.QUEUED): 100,
        (ROUTE, MessageState.IN_DOUBT): 2,
        (ROUTE, MessageState.ACCEPTED): 3,
        (ROUTE, MessageState.SENT): 4,
    },
    open_runs={(RunStatus.ACTIVE, Category.PROMOTIONAL): 1},
    outbox_depth=5,
    outbox_age=timedelta(seconds=6),
    parked_receipts=7,
    silent_connectors={"twilio": 8},
)


def test_each_gauge_shows_its_figure(watched: Watched) -> None:
    register_ledger_gauges(lambda: FIGURES)
    expected = {
        "queue.depth": 100,
        "messages.in_flight": 0,
        "messages.in_doubt": 2,
        "messages.awaiting_receipt": 7,
        "runs.open": 1,
        "outbox.depth": 5,
        "outbox.age": 6.0,
        "receipts.parked": 7,
        "connectors.silent": 8,
    }
    for name, value in expected.items():
        assert list(watched.points(f"heliograph.{name}").values()) == [value], name


async def test_figures_are_read_anew_and_the_last_ones_stand_when_they_cannot_be(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "10")
    reads, failed = 0, asyncio.Event()

    async def fetch() -> LedgerFigures:
        nonlocal reads
        reads += 1
        if reads > 1:
            failed.set()
            raise OSError("PostgreSQL is away")
        return FIGURES

    async with refresh_figures(fetch):
        await asyncio.wait_for(failed.wait(), 10)
        assert list(watched.points("heliograph.outbox.depth").values()) == [5]


async def test_without_metrics_nothing_is_read() -> None:
    async def fetch() -> LedgerFigures:
        raise AssertionError("nobody asked")

    async with refresh_figures(fetch):
        await asyncio.sleep(0.01)


async def test_an_empty_ledger_has_empty_figures(database: Database) -> None:
    async with database.transaction() as connection:
        assert await read_ledger_figures(connection) == LedgerFigures()


async def test_the_outbox_is_counted_and_its_rows_carry_the_trace(
    database: Database, workspace: Workspace, watched: Watched
) -> None:
    with span("request") as request:
        row = Outbox(workspace_id=workspace.id, topic="campaign.start", key=str(uuid4()))
    async with database.unit_of_work() as session:
        session.add(row)
    async with database.transaction() as connection:
        figures = await read_ledger_figures(connection)
        traceparent = await connection.fetchval("SELECT traceparent FROM outbox")
    assert figures.outbox_depth == 1
    assert f"{request.get_span_context().trace_id:032x}" in traceparent
