"""How large a body may be. Pure ASGI: it counts what arrives, whatever Content-Length says."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_of
from heliograph.errors import PayloadTooLarge

_DIGEST = "heliograph.body_digest"


@dataclass
class BodyDigest:
    """The SHA-256 of a body as far as it has arrived; kept for requests with an Idempotency-Key."""

    complete: bool
    _running: Any = field(default_factory=hashlib.sha256)

    def add(self, message: Message) -> None:
        """Counts one chunk in."""
        self._running.update(message.get("body", b""))
        self.complete = self.complete or not message.get("more_body", False)

    @property
    def value(self) -> bytes:
        """The digest of what has arrived."""
        digest: bytes = self._running.digest()
        return digest


def body_digest(request: Request) -> BodyDigest:
    """The digest of this request's body."""
    digest: BodyDigest = request.scope[_DIGEST]
    return digest


_READ = frozenset({b"content-length", b"idempotency-key"})
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
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        length = headers.get(b"content-length", b"")
        if length.isdigit() and (len(length) > 19 or int(length) > limit):
            await problem_of(PayloadTooLarge(_rule(limit)))(scope, receive, send)
            return
        digest = None
        if b"idempotency-key" in headers:
            digest = scope[_DIGEST] = BodyDigest(complete=length == b"0")
        await self._app(scope, _counted(receive, limit, digest), send)


def _counted(receive: Receive, limit: int, digest: BodyDigest | None) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            # Starlette's own class: FastAPI turns any other error met while it reads a body into a 400.
            raise HTTPException(PayloadTooLarge.status, _rule(limit))
        if digest is not None:
            digest.add(message)
        return message

    return counted


def _rule(limit: int) -> str:
    return f"the body may have at most {limit} bytes"
