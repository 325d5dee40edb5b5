"""Gauges over the ledger: how much waits, is in flight, in doubt, unconfirmed; and the outbox's depth and age.

The exporting thread must not wait for PostgreSQL, so it reads the figures last seen: `refresh_figures` renews them
in the event loop. One process of a deployment does this (the worker of the `control` lane): others would count twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from opentelemetry.metrics import CallbackOptions, Observation

from heliograph.domain.ledger import AWAITING_RECEIPT, MessageState
from heliograph.domain.vocabulary import Category, RunStatus
from heliograph.telemetry import instruments as table
from heliograph.telemetry.environment import metric_interval_milliseconds
from heliograph.telemetry.instruments import Instrument
from heliograph.telemetry.metrics import Route, attributes_of, meter

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class LedgerFigures:
    """The ledger's open ends at one moment."""

    messages: Mapping[tuple[Route, MessageState], int] = field(default_factory=dict)
    open_runs: Mapping[tuple[RunStatus, Category], int] = field(default_factory=dict)
    outbox_depth: int = 0
    outbox_age: timedelta = timedelta(0)
    parked_receipts: int = 0
    silent_connectors: Mapping[str, int] = field(default_factory=dict)  # by provider


Read = Callable[[], LedgerFigures]
Observe = Callable[[LedgerFigures], Iterable[Observation]]


def _in_states(figures: LedgerFigures, states: Iterable[MessageState]) -> Iterable[Observation]:
    wanted = frozenset(states)
    sums = {route: 0 for route, _ in figures.messages}
    for (route, state), count in figures.messages.items():
        if state in wanted:
            sums[route] += count
    return [Observation(count, _of_run(route)) for route, count in sums.items()]


def _of_run(route: Route) -> dict[str, str]:
    """A run's messages have no type of their own."""
    return {name: value for name, value in attributes_of(route).items() if name != "type"}


def _open_runs(figures: LedgerFigures) -> Iterable[Observation]:
    return [
        Observation(count, {"status": status.value, "category": category.value})
        for (status, category), count in figures.open_runs.items()
    ]


def _silent_connectors(figures: LedgerFigures) -> Iterable[Observation]:
    return [Observation(count, {"provider": provider}) for provider, count in figures.silent_connectors.items()]


GAUGES: Final[Mapping[Instrument, Observe]] = {
    table.QUEUE_DEPTH: lambda figures: _in_states(figures, {MessageState.QUEUED}),
    table.CLAIMED_NOW: lambda figures: _in_states(figures, {MessageState.CLAIMED}),
    table.IN_DOUBT: lambda figures: _in_states(figures, {MessageState.IN_DOUBT}),
    table.AWAITED: lambda figures: _in_states(figures, AWAITING_RECEIPT),
    table.OPEN_RUNS: _open_runs,
    table.OUTBOX_DEPTH: lambda figures: [Observation(figures.outbox_depth)],
    table.OUTBOX_AGE: lambda figures: [Observation(figures.outbox_age.total_seconds())],
    table.PARKED: lambda figures: [Observation(figures.parked_receipts)],
    table.SILENT: _silent_connectors,
}
"""What each gauge shows of the figures."""


def register_ledger_gauges(read: Read) -> None:
    """Gauges that call `read` at each export, on the exporting thread: it must answer at once."""
    present = meter()
    if present is None:
        return
    for instrument, observe in GAUGES.items():
        present.create_observable_gauge(
            instrument.name,
            callbacks=[_callback(read, observe)],
            unit=instrument.unit,
            description=instrument.description,
        )


def _callback(read: Read, observe: Observe) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _options: observe(read())


@asynccontextmanager
async def refresh_figures(fetch: Callable[[], Awaitable[LedgerFigures]]) -> AsyncIterator[None]:
    """While inside, the gauges show what `fetch` read last, twice per export. Does nothing without metrics."""
    if meter() is None:
        yield
        return
    latest = [LedgerFigures()]
    register_ledger_gauges(lambda: latest[0])
    task = asyncio.create_task(_refresh(fetch, latest, metric_interval_milliseconds() / 2000), name="ledger figures")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _refresh(fetch: Callable[[], Awaitable[LedgerFigures]], latest: list[LedgerFigures], seconds: float) -> None:
    while True:
        try:
            latest[0] = await fetch()
        except Exception:
            _LOGGER.warning("the figures for metrics could not be read; the last ones stand", exc_info=True)
        await asyncio.sleep(seconds)
