"""A server span and a duration for each request, by OpenTelemetry's HTTP conventions.

Paths are named by their template alone: the path of a callback holds the connector's secret token. The caller's
address and query never leave. Callbacks come by the thousand: they get a span only inside a sampled trace of
the caller's.
"""

import time
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heliograph.telemetry.metrics import metrics_enabled, record_http_request
from heliograph.telemetry.tracing import attached, remote_context, tracer, tracing_enabled

CALLBACKS: Final = "/callbacks/"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_SERVER_ERROR: Final = 500


def instrumented(application: ASGIApp) -> ASGIApp:
    """The application inside the middleware, or the application itself when nothing is exported."""
    return TelemetryMiddleware(application) if tracing_enabled() or metrics_enabled() else application


class TelemetryMiddleware:
    """Pure ASGI: no copy of the body, no task of its own."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        started = time.perf_counter()
        try:
            await self._answer(exchange, receive)
        finally:
            record_http_request(time.perf_counter() - started, exchange.attributes())

    async def _answer(self, exchange: "_Exchange", receive: Receive) -> None:
        made = exchange.start_span()
        if made is None:
            await exchange.run(self._application, receive)
            return
        with attached(trace.set_span_in_context(made)):
            try:
                await exchange.run(self._application, receive)
            except Exception as error:
                made.record_exception(error)
                raise
            finally:
                exchange.end_span(made)


class _Exchange:
    """A request and what is known of its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._status: int | None = None
        self._error: str | None = None
        method = scope["method"]
        self._method: str = method if method in _METHODS else "_OTHER"

    async def run(self, application: ASGIApp, receive: Receive) -> None:
        try:
            await application(self._scope, receive, self._watch)
        except Exception as error:
            self._error = type(error).__name__
            self._status = self._status or _SERVER_ERROR
            raise

    async def _watch(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    def start_span(self) -> Span | None:
        present = tracer()
        if present is None:
            return None
        parent = remote_context(_header(self._scope, b"traceparent"))
        sampled = parent is not None and trace.get_current_span(parent).get_span_context().trace_flags.sampled
        if self._scope["path"].startswith(CALLBACKS) and not sampled:
            return None
        return present.start_span(self._method, parent, SpanKind.SERVER)

    def end_span(self, made: Span) -> None:
        route = self._route()
        made.update_name(f"{self._method} {route}" if route else self._method)
        made.set_attributes(self.attributes())
        if self._status is None or self._status >= _SERVER_ERROR:
            made.set_status(Status(StatusCode.ERROR))
        made.end()

    def attributes(self) -> Mapping[str, str | int]:
        found: dict[str, str | int] = {
            "http.request.method": self._method,
            "url.scheme": self._scope.get("scheme", "http"),
        }
        if route := self._route():
            found["http.route"] = route
        if self._status is not None:
            found["http.response.status_code"] = self._status
        if self._error or self._status is None or self._status >= _SERVER_ERROR:
            found["error.type"] = self._error or str(self._status or "cancelled")
        return found

    def _route(self) -> str | None:
        path = getattr(self._scope.get("route"), "path", None)
        return path if isinstance(path, str) else None


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None
