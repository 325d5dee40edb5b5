"""Every error as an RFC 9457 problem, `application/problem+json`. The one mapper from our errors to HTTP."""

import http
import logging
import math
import traceback
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.service import RPCError, RPCStatusCode

from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.errors import (
    FieldError,
    HeliographError,
    InvalidInput,
    PayloadTooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
"""What a client is told to wait while PostgreSQL or Temporal cannot be reached."""

logger = logging.getLogger(__name__)

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TEMPORAL_TROUBLE = frozenset(
    {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED}
)


class ProblemField(BaseModel):
    """One broken rule."""

    field: str = Field(description="Dotted path in the body, or the name of the parameter.", examples=["address"])
    rule: str = Field(description="What must hold.", examples=["a long code is a number in E.164 form: +14155550100"])
    code: str = Field(description="The rule's stable name.", examples=["invalid"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="A URI for the kind of problem.", examples=["urn:heliograph:problem:conflict"])
    title: str = Field(description="The kind of problem in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    detail: str = Field(description="This occurrence, for a person.", examples=["the default sender cannot be deleted"])
    code: str = Field(description="Stable and machine-readable.", examples=["conflict"])
    errors: list[ProblemField] = Field(default=[], description="Each broken rule, where fields are at fault.")
    correlation_id: str | None = Field(default=None, description="To find our own fault (500) in the logs.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: these statuses answer with a problem."""
    return {status: {"model": Problem, "description": http.HTTPStatus(status).phrase} for status in statuses}


def problem(
    title: str,
    status: int,
    detail: str,
    code: str,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
    **more: str,
) -> Response:
    """A problem as a response."""
    body = {
        "type": f"urn:heliograph:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"field": error.field, "rule": error.rule, "code": error.code} for error in errors],
        **more,
    }
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: HeliographError) -> Response:
    """Our error as a response, with the headers its status asks for."""
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return problem(error.title, error.status, error.detail, error.code, error.errors, headers)


async def _ours(_request: Request, error: Exception) -> Response:
    error = cast("HeliographError", error)
    if error.status == http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return defect(error)
    return problem_of(error)


async def _validation(_request: Request, error: Exception) -> Response:
    broken = [_field_error(each) for each in cast("RequestValidationError", error).errors()]
    detail = "; ".join(f"{each.field}: {each.rule}" for each in broken[:3])
    if len(broken) > 3:
        detail += f"; and {len(broken) - 3} more"
    return problem_of(InvalidInput(detail, errors=broken))


def _field_error(error: Mapping[str, Any]) -> FieldError:
    """Pydantic's error without the input, which may be a secret."""
    where, *path = error["loc"]
    if error["type"] == "json_invalid":
        return FieldError("body", f"is not JSON: {error['ctx']['error']} at byte {path[0]}", "malformed_json")
    field = ".".join(str(part) for part in path) or str(where)
    return FieldError(field, error["msg"].removeprefix("Value error, "), error["type"])


async def _http(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    status = http.HTTPStatus(error.status_code)
    if status == PayloadTooLarge.status:
        return problem_of(PayloadTooLarge(error.detail))
    title = status.phrase.capitalize()
    code = title.lower().replace(" ", "_")
    if status is http.HTTPStatus.NOT_FOUND:
        return problem(title, 404, "there is no such address", "unknown_address")
    if status is http.HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = _allowed_methods(request)
        return problem(title, status, f"this address takes {allowed}", code, headers={"Allow": allowed})
    return problem(title, status, error.detail, code, headers=error.headers)


def _allowed_methods(request: Request) -> str:
    """Of every route with this address: Starlette names those of the first one only."""
    routes = request.app.router.routes
    return ", ".join(
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    )


async def _database(_request: Request, _error: Exception) -> Response:
    return problem_of(Unavailable("the database cannot be reached at the moment: try again", code="database"))


async def _statement(request: Request, error: Exception) -> Response:
    error = cast("DBAPIError", error)
    if error.connection_invalidated or isinstance(error.orig and error.orig.__cause__, DATABASE_TROUBLE):
        return await _database(request, error)
    return defect(error)


async def _temporal(_request: Request, error: Exception) -> Response:
    trouble = error.status in _TEMPORAL_TROUBLE if isinstance(error, RPCError) else _is_failed_connect(error)
    if trouble:
        return problem_of(Unavailable("Temporal cannot be reached at the moment: try again", code="temporal"))
    return defect(error)


def _is_failed_connect(error: Exception) -> bool:
    """What a lazy client raises at its first use; the SDK has no class of its own for it."""
    return str(error).startswith("Failed client connect")


def defect(error: Exception) -> Response:
    """Our own fault: logged under an id, of which alone the caller is told.

    The log has the kind of error and where it arose. Its text is left out: a database quotes rows in it,
    and rows are people.
    """
    correlation_id = uuid4().hex
    frames = traceback.extract_tb(error.__traceback__)
    logger.error(
        "defect %s: %s at %s",
        correlation_id,
        type(error).__qualname__,
        " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)),
        extra={"correlation_id": correlation_id, "error": type(error).__qualname__},
    )
    return problem(
        "Internal error",
        500,
        "Something went wrong on our side. Nothing more is known to have been done; tell us the correlation id.",
        "defect",
        correlation_id=correlation_id,
    )


class DefectMiddleware:
    """The outermost edge: what nothing else handled becomes a problem, not a broken connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the call on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception as error:  # noqa: BLE001 - the edge of the process
            response = defect(error)
            if not started:
                await response(scope, receive, send)


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""
    app.add_exception_handler(HeliographError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _statement)
    app.add_exception_handler(PoolTimeout, _database)
    app.add_exception_handler(RPCError, _temporal)
    app.add_exception_handler(RuntimeError, _temporal)
    for trouble in DATABASE_TROUBLE:
        app.add_exception_handler(trouble, _database)
    app.add_middleware(DefectMiddleware)
