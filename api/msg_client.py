"""The SMS connector API, under /msg-client: another contract than that of /v1, with answers of its own.

200 without a body when it is done, 400 naming what is wrong, 403 to whom it is not open, 404 for another address, 500
when the fault is ours, passing trouble included. Errors are `{"error": "…"}`.
"""

import http
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.dependencies import TheServices
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.errors import BadRequest, Forbidden, HeliographError, NotFound
from heliograph.providers.protocol import InboundMessage
from heliograph.services import msg_client
from heliograph.services.msg_client import Outgoing
from heliograph.services.msg_client_callers import admit

_log = logging.getLogger(__name__)

TAG: Final = "SMS connector API"
ID_HEADER: Final = "Message-SID"
"""Of the answer to `send`: the id of the queued message."""

_BEARER: Final = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS_LIMIT: Final = 100
_STATUSES: Final = (400, 403, 404, 500)
_QUEUED: Final = {
    "headers": {ID_HEADER: {"description": "The message's id.", "schema": {"type": "string", "format": "uuid"}}}
}


class PlainError(BaseModel):
    """What went wrong."""

    error: str = Field(examples=["To: is missing"])


class SendRequest(BaseModel):
    """A message to be sent."""

    to: str = Field(alias="To", examples=["+14155550123"], description="With or without country code.")
    body: str = Field(alias="Body", examples=["Your parcel is on its way."])
    channel: str = Field(examples=["smpp"], description="`smpp`.")
    sender: str | None = Field(default=None, alias="From", description="The address of a sender of the workspace.")


class ReceiveForm(BaseModel):
    """A message from a person."""

    Body: str
    From: str
    SmsSid: str
    To: str


class NotificationForm(BaseModel):
    """What became of a message; one of the two statuses is enough."""

    MessageSid: str
    SmsStatus: str | None = None
    MessageStatus: str | None = None


class _PlainRoute(APIRoute):
    """Answers errors in this contract's own form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, with our errors and PostgreSQL's trouble made plain; what is left is a defect, 500 too."""
        handle = super().get_route_handler()

        async def plainly(request: Request) -> Response:
            try:
                return await handle(request)
            except HeliographError as error:
                return _plain(error)
            except (*DATABASE_TROUBLE, DBAPIError, PoolTimeout) as error:
                _log.warning("a call of %s failed: %s", request.url.path, type(error).__name__)
                return _answer(500, "the database did not answer: try again")

        return plainly


def _plain(error: HeliographError) -> Response:
    if isinstance(error, Forbidden | NotFound | BadRequest):
        return _answer(error.status, error.detail)
    # A workspace that cannot send (no sender, no credentials) or passing trouble: nothing that the caller can mend.
    _log.warning("a call of the SMS connector API failed: %s: %s", error.code, error.detail)
    return _answer(500, error.detail)


def _answer(status: int, text: str) -> Response:
    return Response(orjson.dumps({"error": text}), status, media_type="application/json")


async def _workspace(request: Request, services: TheServices) -> UUID:
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    address = request.client.host if request.client else None
    return await admit(services, address, found[1] if found else None)


TheWorkspace = Annotated[UUID, Depends(_workspace)]
"""The workspace that this API is bound to, for a caller who is let in."""

router = APIRouter(
    prefix="/msg-client",
    tags=[TAG],
    route_class=_PlainRoute,
    default_response_class=Response,
    responses={
        "default": {"model": PlainError, "description": "Any other error"},
        **{status: {"model": PlainError, "description": http.HTTPStatus(status).phrase} for status in _STATUSES},
    },
)


def _documented(media_type: str, model: type[BaseModel]) -> dict[str, Any]:
    return {
        "requestBody": {"required": True, "content": {media_type: {"schema": model.model_json_schema(by_alias=True)}}}
    }


@router.post(
    "/send",
    summary="Send a message",
    responses={200: _QUEUED},
    openapi_extra=_documented("application/json", SendRequest),
)
async def send(request: Request, services: TheServices, workspace_id: TheWorkspace) -> Response:
    """200 when it is queued; the header `Message-SID` has its id. With an `Idempotency-Key` a repeated call queues
    nothing again."""
    parameters = _read_json(await request.body())
    outgoing = Outgoing(
        to=_required(parameters, "To"),
        body=_required(parameters, "Body"),
        channel=_required(parameters, "channel"),
        sender=parameters.get("From") or None,
    )
    message_id = await msg_client.send(services, workspace_id, outgoing, key=_idempotency_key(request))
    return Response(headers={ID_HEADER: str(message_id)})


@router.post("/receive", summary="A person wrote", openapi_extra=_documented(_FORM, ReceiveForm))
async def receive(request: Request, services: TheServices, workspace_id: TheWorkspace) -> Response:
    """200 when the message is stored and what its word asks for is done. The same `SmsSid` again changes nothing."""
    parameters = _read_form(request, await request.body())
    message = InboundMessage(
        provider_message_id=_required(parameters, "SmsSid"),
        address=_required(parameters, "From"),
        to=_required(parameters, "To"),
        body=_present(parameters, "Body"),
    )
    await msg_client.receive(services, workspace_id, message)
    return Response()


@router.post("/delivery-notification", summary="A message fared so", openapi_extra=_documented(_FORM, NotificationForm))
async def take_notification(request: Request, services: TheServices, workspace_id: TheWorkspace) -> Response:
    """200 when it stands in the ledger. The same notification again changes nothing."""
    parameters = _read_form(request, await request.body())
    words = {parameters[name] for name in ("MessageStatus", "SmsStatus") if parameters.get(name)}
    if not words:
        raise BadRequest("MessageStatus: is missing, and so is SmsStatus")
    if len(words) > 1:
        raise BadRequest("MessageStatus: says something else than SmsStatus")
    await msg_client.take_notification(services, workspace_id, _required(parameters, "MessageSid"), words.pop())
    return Response()


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def nothing_here(rest: str) -> Response:  # noqa: ARG001
    """Another address, or another method."""
    return _answer(404, "there is no such address: POST to send, receive or delivery-notification")


def _read_json(body: bytes) -> dict[str, str]:
    try:
        parameters = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error.msg} at byte {error.pos}") from error
    if not isinstance(parameters, dict):
        raise BadRequest("the body is not a JSON object")
    for name in ("To", "Body", "From", "channel"):
        if not isinstance(parameters.get(name), str | None):
            raise BadRequest(f"{name}: is a text")
    return _storable(parameters)


def _read_form(request: Request, body: bytes) -> dict[str, str]:
    if request.headers.get("content-type", _FORM).partition(";")[0].strip().lower() != _FORM:
        raise BadRequest(f"the body is a form: {_FORM}")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_LIMIT)
    except ValueError as error:
        raise BadRequest(f"the body is not a form in UTF-8 of at most {_FIELDS_LIMIT} fields") from error
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if parameters.setdefault(name, value) != value:
            raise BadRequest(f"{name[:40]}: stands twice, with different values")
    return _storable(parameters)


def _storable(parameters: dict[str, str]) -> dict[str, str]:
    for name in ("To", "From", "SmsSid", "MessageSid"):
        if "\0" in (parameters.get(name) or ""):
            raise BadRequest(f"{name}: has no NUL characters")
    return parameters


def _present(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name)
    if value is None:
        raise BadRequest(f"{name}: is missing")
    return value


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = _present(parameters, name)
    if not value.strip():
        raise BadRequest(f"{name}: is empty")
    return value


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key: has 1 to 255 printable ASCII characters without spaces")
    return key
