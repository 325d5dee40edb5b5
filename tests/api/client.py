"""A client that calls the application in process, byte for byte as a server would."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


@dataclass(frozen=True)
class ApiClient:
    """Calls one application; `headers` go with every call."""

    app: ASGIApp
    headers: Mapping[str, str]
    address: str = "127.0.0.1"

    def having(self, headers: Mapping[str, str]) -> "ApiClient":
        """The same client with more headers."""
        return ApiClient(self.app, {**self.headers, **headers}, self.address)

    async def call(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | Sequence[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. `body` as a sequence is sent in chunks and without a Content-Length."""
        sent = {name.lower(): value for name, value in {**self.headers, **(headers or {})}.items()}
        if json is not None:
            body = orjson.dumps(json)
            sent.setdefault("content-type", "application/json")
        elif form is not None:
            body = urlencode(form).encode()
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        if isinstance(body, bytes):
            sent.setdefault("content-length", str(len(body)))
        chunks = [body] if isinstance(body, bytes) else list(body or [b""])
        parts = urlsplit(url)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": "",
            "query_string": (urlencode(query) if query else parts.query).encode(),
            "headers": [
                (b"host", b"testserver"),
                *((name.encode(), value.encode()) for name, value in sent.items()),
            ],
            "client": (self.address, 50000),
            "server": ("testserver", 80),
            "state": {},
        }
        return await _exchange(self.app, scope, chunks)

    async def get(self, url: str, **rest: Any) -> Answer:
        """GET."""
        return await self.call("GET", url, **rest)

    async def post(self, url: str, **rest: Any) -> Answer:
        """POST."""
        return await self.call("POST", url, **rest)

    async def put(self, url: str, **rest: Any) -> Answer:
        """PUT."""
        return await self.call("PUT", url, **rest)

    async def patch(self, url: str, **rest: Any) -> Answer:
        """PATCH."""
        return await self.call("PATCH", url, **rest)

    async def delete(self, url: str, **rest: Any) -> Answer:
        """DELETE."""
        return await self.call("DELETE", url, **rest)


async def _exchange(app: ASGIApp, scope: dict[str, Any], chunks: list[bytes]) -> Answer:
    waiting = list(chunks)
    start: Message = {}
    received: list[bytes] = []

    ended = asyncio.Event()

    async def receive() -> Message:
        if not waiting:
            await ended.wait()  # a caller stays until the answer is there
            return {"type": "http.disconnect"}
        chunk = waiting.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            received.append(message.get("body", b""))
            if not message.get("more_body", False):
                ended.set()

    await app(scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(received))


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[None]:
    """Starts the application's lifespan, and ends it."""
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, to_app.get, from_app.put))

    async def step(name: str) -> None:
        await to_app.put({"type": f"lifespan.{name}"})
        answer = await from_app.get()
        assert answer["type"] == f"lifespan.{name}.complete", answer

    await step("startup")
    try:
        yield
    finally:
        await step("shutdown")
        await task
