"""Decodes Temporal payloads for the Temporal UI (Temporal's remote codec protocol; decode only)."""

import ipaddress
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from pydantic import BaseModel, Field
from temporalio.api.common.v1 import Payloads

from api.dependencies import TheAuthenticator, TheServices, bearer_token
from api.problems import documented
from heliograph.errors import Defect, InvalidInput, Unauthenticated
from heliograph.services.context import Services
from heliograph.settings import Settings
from heliograph.temporal.codec import EncryptionCodec

router = APIRouter(prefix="/codec", tags=["codec"])

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class PayloadList(BaseModel):
    """Payloads in Temporal's JSON form: metadata and data in base64."""

    payloads: list[dict[str, Any]] = Field(
        examples=[[{"metadata": {"encoding": "YmluYXJ5L2hlbGlvZ3JhcGgtYWVzLWdjbQ=="}, "data": "…"}]]
    )


@router.options("/decode", include_in_schema=False)
async def decode_preflight(request: Request, services: TheServices) -> Response:
    """What a browser asks before the UI's page may call."""
    return Response(status_code=204, headers=_cross_origin(request, services.settings))


async def _may_decode(
    request: Request,
    services: TheServices,
    authenticator: TheAuthenticator,
    token: Annotated[str | None, Depends(bearer_token)],
) -> None:
    if token is not None:
        (await authenticator.actor(token)).require("payloads.decode")
    elif not _from_the_laptops_ui(request, services.settings):
        raise Unauthenticated("give an API key of an owner, admin or developer", code="api_key_missing")


@router.post(
    "/decode",
    summary="Decode Temporal payloads",
    responses=documented(401, 403, 422),
    dependencies=[Depends(_may_decode)],
)
async def decode_payloads(
    request: Request, response: Response, services: TheServices, body: PayloadList
) -> PayloadList:
    """For the Temporal UI: set its codec endpoint to `<this address>/codec`.

    Needs an API key of an owner, admin or developer. On a laptop, where everything runs on the loopback
    interface, the UI's own page needs none. Payloads hold ids and counts, no addresses and no texts.
    """
    response.headers.update(_cross_origin(request, services.settings))
    return PayloadList(payloads=await _decoded(services, body.payloads))


async def _decoded(services: Services, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    try:
        parsed = ParseDict({"payloads": payloads}, Payloads())
    except ParseError as error:
        raise InvalidInput.of("payloads", "are in Temporal's JSON form: metadata and data in base64") from error
    try:
        opened = await EncryptionCodec(services.key_ring).decode(parsed.payloads)
    except (Defect, IndexError, ValueError) as error:  # sealed under a key we do not have, or not by us at all
        raise InvalidInput.of("payloads", "are sealed under a key of this installation's key ring") from error
    decoded: list[dict[str, Any]] = MessageToDict(Payloads(payloads=opened))["payloads"] if opened else []
    return decoded


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_ui(request: Request, settings: Settings) -> bool:
    return request.headers.get("origin") == _origin(settings.temporal_ui_url)


def _cross_origin(request: Request, settings: Settings) -> dict[str, str]:
    """Lets the UI's page read the answer; any other page's browser keeps it from it."""
    if not _is_ui(request, settings):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": _origin(settings.temporal_ui_url),
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "authorization, content-type, x-namespace",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _from_the_laptops_ui(request: Request, settings: Settings) -> bool:
    """Browser, UI and API on one machine: the caller's address, the UI's and ours are all loopback, unproxied.

    A server that providers can reach has a public address of its own, so this never holds there.
    """
    hosts = [urlsplit(settings.temporal_ui_url).hostname, urlsplit(settings.public_url).hostname]
    if request.client is not None:
        hosts.append(request.client.host)
    proxied = any(name in request.headers for name in _FORWARDED)
    return _is_ui(request, settings) and not proxied and len(hosts) == 3 and all(map(_is_loopback, hosts))


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
