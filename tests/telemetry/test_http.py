"""Requests become spans and durations named by route, never by path."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry.trace import StatusCode
from starlette.types import Message

from heliograph.telemetry.http import TelemetryMiddleware, instrumented
from heliograph.telemetry.tracing import current_traceparent
from tests.telemetry.conftest import Watched

SAMPLED = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
UNSAMPLED = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")


def application() -> FastAPI:
    app, router = FastAPI(), APIRouter(prefix="/v1/campaigns")

    @router.post("/{campaign_id}/launch")
    async def launch(campaign_id: str) -> str | None:
        return current_traceparent()

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("for +4915112345678")

    @app.post("/callbacks/{token}/status")
    async def status(token: str) -> None:
        return None

    app.include_router(router)
    return app


async def call(app: Any, method: str, path: str, *headers: tuple[bytes, bytes]) -> int:
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"q=+4915112345678",
        "headers": list(headers),
        "scheme": "https",
        "http_version": "1.1",
        "client": ("192.0.2.1", 1),
        "server": ("test", 443),
        "root_path": "",
    }
    await app(scope, receive, send)
    return int(answers[0]["status"])


def test_without_telemetry_nothing_is_mounted() -> None:
    app = application()
    assert instrumented(app) is app


async def test_a_request_is_a_span_named_by_its_route(watched: Watched) -> None:
    app = instrumented(application())
    assert isinstance(app, TelemetryMiddleware)
    assert await call(app, "POST", "/v1/campaigns/42/launch", SAMPLED) == 200
    made = watched.span("POST /v1/campaigns/{campaign_id}/launch")
    assert made.parent is not None
    assert f"{made.parent.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert dict(made.attributes or {}) == {
        "http.request.method": "POST",
        "url.scheme": "https",
        "http.route": "/v1/campaigns/{campaign_id}/launch",
        "http.response.status_code": 200,
    }
    [(count, _)] = watched.points("http.server.request.duration").values()
    assert count == 1


async def test_a_request_that_fails_is_an_error_without_personal_data(watched: Watched) -> None:
    with pytest.raises(RuntimeError):
        await call(instrumented(application()), "GET", "/v1/campaigns/broken")
    made = watched.span("GET /v1/campaigns/broken")
    assert made.status.status_code is StatusCode.ERROR
    assert (made.attributes or {})["error.type"] == "RuntimeError"
    assert "4915112345678" not in made.to_json()
    [key] = watched.points("http.server.request.duration")
    assert dict(key)["http.response.status_code"] == 500


async def test_a_path_that_leads_nowhere_is_not_named(watched: Watched) -> None:
    assert await call(instrumented(application()), "BREW", "/wp-admin/4915112345678") == 404
    made = watched.span("_OTHER")
    assert "4915112345678" not in made.to_json()


async def test_callbacks_are_measured_but_traced_only_inside_a_sampled_trace(watched: Watched) -> None:
    app = instrumented(application())
    for headers in ((), (UNSAMPLED,), (SAMPLED,)):
        assert await call(app, "POST", "/callbacks/secret/status", *headers) == 200
    [made] = watched.spans()
    assert made.name == "POST /callbacks/{token}/status"
    assert "secret" not in made.to_json()
    [(count, _)] = watched.points("http.server.request.duration").values()
    assert count == 3
