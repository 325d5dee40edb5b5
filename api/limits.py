"""How large a body may be. Pure ASGI: it counts what arrives, whatever Content-Length says."""

import hashlib
import re

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_of
from heliograph.errors import PayloadTooLarge

DIGEST = "heliograph.body_digest"
"""Where a request with an Idempotency-Key finds the running SHA-256 of its body in the scope."""

_UPLOADS = re.compile(r"/v1/audiences/[^/]+/imports/?")


class BodyLimitMiddleware:
    """413 for a body over the limit: at once when Content-Length tells, else when the limit is passed."""

    def __init__(self, app: ASGIApp, *, body_limit: int, upload_limit: int) -> None:
        self._app = app
        self._body_limit = body_limit
        self._upload_limit = upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the call on with a counted body."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "DELETE", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        limit = self._upload_limit if _UPLOADS.fullmatch(scope["path"]) else self._body_limit
        declared, keyed = _content_length(scope)
        if declared > limit:
            await problem_of(PayloadTooLarge(_rule(limit)))(scope, receive, send)
            return
        await self._app(scope, _counted(scope, receive, limit, keyed=keyed), send)


def _content_length(scope: Scope) -> tuple[int, bool]:
    """What the request says of its size (0: nothing sensible), and whether it has an Idempotency-Key."""
    declared, keyed = 0, False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            declared = int(value)
        elif name == b"idempotency-key":
            keyed = True
    return declared, keyed


def _counted(scope: Scope, receive: Receive, limit: int, *, keyed: bool) -> Receive:
    seen = 0
    digest = hashlib.sha256() if keyed else None
    if digest is not None:
        scope[DIGEST] = digest

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        chunk = message.get("body", b"")
        seen += len(chunk)
        if seen > limit:
            # Starlette's own class: FastAPI turns any other error met while it reads a body into a 400.
            raise HTTPException(PayloadTooLarge.status, _rule(limit))
        if digest is not None:
            digest.update(chunk)
        return message

    return counted


def _rule(limit: int) -> str:
    return f"the body may have at most {limit} bytes"
