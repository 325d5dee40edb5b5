"""Spans of calls to providers, few enough to be read.

A batch makes hundreds of calls a second: of each batch the first few get a span, and every one that was not
accepted, up to a limit. Spans are made after the call, from its times, so that a call without one costs nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from heliograph.providers.protocol import Accepted, Outcome
from heliograph.telemetry.metrics import outcome_name, record_provider_requests
from heliograph.telemetry.tracing import span, tracer

_NANOSECONDS = 1_000_000_000


class BatchCalls:
    """The calls of one batch. Make it inside the activity: its spans belong to the activity's."""

    def __init__(self, provider: str, *, first: int = 5, troubled: int = 50) -> None:
        self._provider = provider
        self._tracer = tracer() if trace.get_current_span().is_recording() else None
        self._context = trace.set_span_in_context(trace.get_current_span())
        self._first = first if self._tracer is not None else 0
        self._troubled = troubled if self._tracer is not None else 0

    def ended(self, outcome: Outcome, seconds: float, reference: str) -> None:
        """A call has just ended after `seconds`. `reference` is ours: "<message id>.<attempt>"."""
        if isinstance(outcome, Accepted):
            if self._first <= 0:
                return
            self._first -= 1
        elif self._troubled <= 0:
            return
        else:
            self._troubled -= 1
        self._trace(outcome, seconds, reference)

    def _trace(self, outcome: Outcome, seconds: float, reference: str) -> None:
        assert self._tracer is not None
        end = time.time_ns()
        made = self._tracer.start_span(
            f"send {self._provider}",
            self._context,
            kind=SpanKind.CLIENT,
            attributes={
                "heliograph.provider": self._provider,
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
        record_provider_requests(provider, outcome, (time.perf_counter() - started,), operation)
