"""Spans. Without an exporter there is no tracer, and everything here costs one comparison.

A trace goes: request (`http.py`) → outbox row (`current_traceparent`) → dispatcher (`continued`) → start of the
workflow and its activities (`temporal.py`) → call to a provider (`calls.py`).
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

SCOPE = "heliograph"
_TRACEPARENT = "traceparent"
_PROPAGATOR = TraceContextTextMapPropagator()
_NO_SPAN: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)


class _State:
    tracer: Tracer | None = None


def install_tracer(tracer: Tracer | None) -> None:
    """Called by `start_telemetry`; None turns tracing off."""
    _State.tracer = tracer


def tracer() -> Tracer | None:
    """The tracer, or None when no spans are wanted."""
    return _State.tracer


def tracing_enabled() -> bool:
    """Whether spans are made at all."""
    return _State.tracer is not None


def span(
    name: str, attributes: Mapping[str, AttributeValue] | None = None, *, kind: SpanKind = SpanKind.INTERNAL
) -> AbstractContextManager[Span]:
    """A span around a block. Attributes name things by id: never an address, never a body."""
    if _State.tracer is None:
        return _NO_SPAN
    return _State.tracer.start_as_current_span(name, attributes=attributes, kind=kind)


def current_traceparent() -> str | None:
    """The W3C trace context of here and now, to be stored beside what must follow a commit; None: there is none."""
    if _State.tracer is None:
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_TRACEPARENT)


def remote_context(traceparent: str | None) -> context_api.Context | None:
    """The context that a `traceparent` names; None when it names none. Vendors' `tracestate` is not carried on."""
    if _State.tracer is None or not traceparent:
        return None
    found = _PROPAGATOR.extract({_TRACEPARENT: traceparent}, context_api.Context())
    return found if trace.get_current_span(found).get_span_context().is_valid else None


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """What runs inside belongs to the trace that `current_traceparent` named; without one, nothing changes."""
    remote = remote_context(traceparent)
    if remote is None:
        yield
        return
    with attached(remote):
        yield


@contextmanager
def untraced() -> Iterator[None]:
    """What runs inside makes no spans, nor does what it starts: for workflows that live for ever."""
    if _State.tracer is None:
        yield
        return
    unsampled = SpanContext(random.getrandbits(128) or 1, random.getrandbits(64) or 1, False, TraceFlags(0))
    with attached(trace.set_span_in_context(NonRecordingSpan(unsampled))):
        yield


@contextmanager
def attached(context: context_api.Context) -> Iterator[None]:
    """Makes `context` the current one for a block."""
    token = context_api.attach(context)
    try:
        yield
    finally:
        context_api.detach(token)


def trace_ids() -> tuple[str, str] | None:
    """The ids of the current trace and span in hexadecimal, for log lines."""
    if _State.tracer is None:
        return None
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return None
    return trace.format_trace_id(current.trace_id), trace.format_span_id(current.span_id)
