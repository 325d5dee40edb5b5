"""Doors for providers: status callbacks, committed before their 200.

The hottest route of the API. It is an ASGI application of its own behind a documented FastAPI route: FastAPI's
dependencies and responses would cost as much again as everything that is done here.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, FastAPI
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from api.problems import defect, documented
from heliograph.errors import PayloadTooLarge
from heliograph.providers.protocol import ProviderRequest
from heliograph.providers.registry import providers
from heliograph.services.callback_connectors import CallbackConnectors
from heliograph.services.context import Services
from heliograph.services.inbound import take_inbound_callback
from heliograph.services.receipt_batcher import ReceiptBatcher
from heliograph.services.receipts import store_callbacks, take_status_callback

BODY_LIMIT = 64 * 1024
"""Bytes. Twilio's callbacks have about 500."""

_STATUS: Final = re.compile(r"/callbacks/([^/]+)/status")
_INBOUND_SUFFIX: Final = "/inbound"
_START: Message = {"type": "http.response.start", "status": HTTPStatus.OK, "headers": [(b"content-length", b"0")]}
_END: Message = {"type": "http.response.body", "body": b""}


class CallbackDoor:
    """What the callbacks of one process share."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._connectors = CallbackConnectors(services.database, services.key_ring)
        self._public_url = services.settings.public_url.rstrip("/")
        self.batcher = ReceiptBatcher(partial(store_callbacks, self._connectors))

    async def take_status(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 200 with nothing in it when the receipts are committed; raises our errors otherwise."""
        await take_status_callback(self._connectors, self.batcher, token, await self._request(scope, receive))
        await send(_START)
        await send(_END)

    async def take_inbound(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the provider wants it when the messages are committed; raises our errors otherwise."""
        request = await self._request(scope, receive)
        content_type, body = await take_inbound_callback(self._database, self._connectors, token, request)
        await Response(body, media_type=content_type or None)(scope, receive, send)

    async def is_there(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a HEAD, by which some providers see whether an address is right before they use it."""
        await self._connectors.find(token)
        await Response()(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive) -> ProviderRequest:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _read_body(receive, headers.get("content-length", ""))
        return ProviderRequest(scope["method"], self._url(scope), headers, body)

    def _url(self, scope: Scope) -> str:
        """The address as the provider called it: proxies may have changed host and scheme, nothing after them."""
        path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        query: bytes = scope["query_string"]
        address = self._public_url + path.partition(b"?")[0].decode("latin-1")
        return f"{address}?{query.decode('latin-1')}" if query else address


async def _read_body(receive: Receive, declared: str) -> bytes:
    if declared.isdigit() and len(declared) < 20 and int(declared) > BODY_LIMIT:
        raise _too_large()
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
    else:
        body = await _read_rest(message, receive)
    if len(body) > BODY_LIMIT:
        raise _too_large()
    return body


async def _read_rest(message: Message, receive: Receive) -> bytes:
    chunks = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks += message.get("body", b"")
        if len(chunks) > BODY_LIMIT:
            raise _too_large()
        if not message.get("more_body"):
            return bytes(chunks)
        message = await receive()


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"a callback may have at most {BODY_LIMIT} bytes")


class _CallbackRoute(APIRoute):
    """Documented by FastAPI, served without it: by `Application`, or here where that stood aside."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        door: CallbackDoor = scope["app"].state.callbacks
        take = door.take_inbound if self.path.endswith(_INBOUND_SUFFIX) else door.take_status
        if scope["method"] == "HEAD":
            take = door.is_there
        await take(scope["path_params"]["token"], scope, receive, send)


class Application(FastAPI):
    """FastAPI, with one way past its limits, handlers and routing: status callbacks go straight to their door.

    FastAPI would cost as much again. What is not for certain a callback takes the usual way; errors are the same
    problems on both.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a POST to a callback's address; FastAPI serves everything else."""
        found = _STATUS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        scope["route"] = _ROUTE  # for who names requests by their route
        try:
            await self.state.callbacks.take_status(found[1], scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the edge of the process
            response = await _answer_to(error, Request(scope))
            await response(scope, receive, send)


async def _answer_to(error: Exception, request: Request) -> Response:
    """What the application's own handler makes of it, else a defect."""
    handlers = request.app.exception_handlers
    for kind in type(error).__mro__:
        if kind in handlers:
            response: Response = await handlers[kind](request, error)
            return response
    return defect(error)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the door on the application's services; at the end commits what came in."""
    providers()  # their libraries take a second to load: before the first callback, not in it
    door = CallbackDoor(app.state.services)
    app.state.callbacks = door
    try:
        yield
    finally:
        await door.batcher.aclose()


router = APIRouter(tags=["callbacks"], route_class=_CallbackRoute, lifespan=_lifespan)

_RESPONSES = documented(403, 404, 413, 422, 503)
_BODY = {
    "requestBody": {
        "description": "As the connector's provider sends it; at most 64 KiB. A signature covers these bytes.",
        "content": {
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            "application/json": {"schema": {}},
        },
    }
}


@router.post(
    "/callbacks/{token}/status",
    summary="A provider reports on messages",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
async def take_status_callback_by_post(token: str) -> None:
    """Answers 200, without a body, when the receipts are committed. Reports of messages that are not known (yet) are
    kept aside and taken up when their message is. A repeated callback changes nothing."""


_ROUTE: Final = router.routes[-1]


@router.get(
    "/callbacks/{token}/status",
    summary="A provider reports on messages by GET",
    response_class=Response,
    responses=_RESPONSES,
)
async def take_status_callback_by_get(token: str) -> None:
    """The same for providers that call with everything in the query."""


@router.head(
    "/callbacks/{token}/status",
    summary="Is this callback address right?",
    response_class=Response,
    responses=_RESPONSES,
)
async def try_status_address(token: str) -> None:
    """200 for an address of ours: some providers ask before they send anything to it."""


@router.post(
    "/callbacks/{token}/inbound",
    summary="A provider hands on messages from people",
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
async def take_inbound_callback_by_post(token: str) -> None:
    """Answers as the connector's provider wants it (Twilio: an empty TwiML document) when the messages are committed.
    A repeated callback changes nothing."""


@router.get(
    "/callbacks/{token}/inbound",
    summary="A provider hands on messages from people by GET",
    response_class=Response,
    responses=_RESPONSES,
)
async def take_inbound_callback_by_get(token: str) -> None:
    """The same for providers that call with everything in the query."""


@router.head(
    "/callbacks/{token}/inbound",
    summary="Is this inbound address right?",
    response_class=Response,
    responses=_RESPONSES,
)
async def try_inbound_address(token: str) -> None:
    """200 for an address of ours."""
