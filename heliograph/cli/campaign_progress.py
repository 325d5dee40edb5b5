"""A live bar of a running campaign: sent, delivered, failed, rate, time left. Read from the counters."""

import asyncio
import time
from collections import deque
from uuid import UUID

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from heliograph.cli.output import errors
from heliograph.domain.ledger import EXCLUDED, OPEN, MessageState
from heliograph.domain.vocabulary import RunStatus
from heliograph.services.context import Actor, Services
from heliograph.services.runs import Report, report_campaign

_REFRESH_SECONDS = 0.25
_RATE_WINDOW = 16  # readings
_OVER = frozenset({RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.UNBALANCED})
_NOT_TRIED = EXCLUDED | {MessageState.QUEUED, MessageState.CLAIMED}
_FAILED = frozenset({MessageState.REJECTED, MessageState.FAILED, MessageState.UNDELIVERED, MessageState.UNKNOWN})


async def watch_run(services: Services, actor: Actor, campaign_id: UUID) -> Report:
    """Shows the progress until the run is closed; a paused run says why and goes on being watched."""
    readings: deque[tuple[float, int]] = deque(maxlen=_RATE_WINDOW)
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=False) as progress:
        task = progress.add_task("freezing", total=None, figures="")
        while True:
            report = await report_campaign(services, actor, campaign_id)
            _show(progress, task, report, readings)
            if report.run.status in _OVER:
                return report
            await asyncio.sleep(_REFRESH_SECONDS)


def _show(progress: Progress, task: TaskID, report: Report, readings: deque[tuple[float, int]]) -> None:
    states, total = report.figures.states, max(1, report.run.source_rows)
    tried = sum(count for state, count in states.items() if state not in _NOT_TRIED)
    final = sum(count for state, count in states.items() if state not in OPEN)
    left = states.get(MessageState.QUEUED, 0) + states.get(MessageState.CLAIMED, 0)
    readings.append((time.monotonic(), tried))
    rate = _rate(readings)
    progress.update(
        task,
        total=2 * total,
        completed=final + tried + sum(states.get(state, 0) for state in EXCLUDED),
        description=_stage(report, left),
        figures=(
            f"sent {tried:,} · delivered {states.get(MessageState.DELIVERED, 0):,} · "
            f"failed {sum(states.get(state, 0) for state in _FAILED):,} · {rate:,.0f}/s"
            + (f" · {left / rate:,.0f} s left" if left and rate else "")
        ),
    )


def _rate(readings: deque[tuple[float, int]]) -> float:
    (begin, first), (end, last) = readings[0], readings[-1]
    return (last - first) / (end - begin) if end > begin else 0.0


def _stage(report: Report, left: int) -> str:
    run = report.run
    if run.status is RunStatus.PAUSED:
        return f"paused: {escape(run.pause_reason or '')}"
    if run.frozen_at is None:
        return "freezing"
    if run.status in _OVER:
        return run.status.value.lower()
    return "sending" if left else "awaiting receipts"
