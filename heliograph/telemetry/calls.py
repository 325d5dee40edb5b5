"""What the calls to providers leave behind: measurements in bulk, and few enough spans to be read.

A batch makes hundreds of calls a second. Its durations are kept in lists and recorded once per grouped commit. Of
its spans, the first few are made, and every one of a call that was not accepted, up to a limit; they are made after
the call, from its times, so that a call without one costs nothing.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from heliograph.providers.protocol import Accepted, Outcome
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Route, outcome_name
from heliograph.telemetry.tracing import span, tracer

_NANOSECONDS = 1_000_000_000


class BatchCalls:
    """The calls of one batch, on one route. Make it inside the activity: its spans belong to the activity's."""

    def __init__(self, route: Route, *, first: int = 5, troubled: int = 50) -> None:
        self._route = route
        self._measured = metrics.metrics_enabled()
        current = trace.get_current_span()
        self._tracer = tracer() if current.is_recording() else None
        self._context = trace.set_span_in_context(current)
        self._spans_left = {True: first, False: troubled} if self._tracer is not None else {}
        self._silent = not self._measured and self._tracer is None
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._latencies: list[float] = []  # from claim to acceptance

    def ended(self, outcome: Outcome, seconds: float, since_claim: float, reference: str) -> None:
        """A call has just ended after `seconds`. `reference` is ours: "<message id>.<attempt>"."""
        if self._silent:
            return
        accepted = isinstance(outcome, Accepted)
        if self._measured:
            self._seconds[outcome_name(outcome)].append(seconds)
            if accepted:
                self._latencies.append(since_claim)
        if self._spans_left.get(accepted, 0) > 0:
            self._spans_left[accepted] -= 1
            self._trace(outcome, seconds, reference)

    def flush(self) -> None:
        """Records the durations collected so far; once per grouped commit, and at the end of the batch."""
        collected, self._seconds = self._seconds, defaultdict(list)
        for outcome, seconds in collected.items():
            metrics.record_provider_requests(self._route.provider, outcome, seconds)

    def take_latencies(self) -> list[float]:
        """Seconds from claim to acceptance of the calls accepted since this was last asked."""
        taken, self._latencies = self._latencies, []
        return taken

    def _trace(self, outcome: Outcome, seconds: float, reference: str) -> None:
        assert self._tracer is not None
        end = time.time_ns()
        made = self._tracer.start_span(
            f"send {self._route.provider}",
            self._context,
            kind=SpanKind.CLIENT,
            attributes={
                "heliograph.provider": self._route.provider,
                "heliograph.channel": self._route.channel,
                "heliograph.category": self._route.category,
                "heliograph.reference": reference,
                "heliograph.outcome": outcome_name(outcome),
            },
            start_time=end - int(seconds * _NANOSECONDS),
        )
        if isinstance(outcome, Accepted):
            made.set_attribute("heliograph.provider_message_id", outcome.provider_message_id)
        else:
            made.set_attributes({"error.type": outcome.error.code, "heliograph.error_class": outcome.error.error_class})
            made.set_status(Status(StatusCode.ERROR, outcome.error.message))
        made.end(end)


@contextmanager
def provider_call(provider: str, operation: str) -> Iterator[None]:
    """A span and a measurement around one call that is not part of a batch: check_credentials, poll, balance …"""
    started = time.perf_counter()
    outcome = "error"
    try:
        with span(f"{operation} {provider}", {"heliograph.provider": provider}, kind=SpanKind.CLIENT):
            yield
        outcome = "ok"
    finally:
        metrics.record_provider_requests(provider, outcome, (time.perf_counter() - started,), operation)
