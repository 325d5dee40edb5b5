"""A receiver of callbacks as a user would write one, from docs/webhooks.md alone."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from heliograph.stack.ports import free_port


@dataclass(frozen=True)
class Event:
    """One callback as it came."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def id(self) -> str:
        """What a receiver remembers."""
        return self.headers["heliograph-event-id"]

    @property
    def body(self) -> Any:
        """The JSON."""
        return json.loads(self.raw)

    def signed_with(self, secret: str) -> bool:
        """Whether one of its signatures was made with `secret`; by way of the primitives, not of our code."""
        fields = [field.split("=", 1) for field in self.headers["heliograph-signature"].split(",")]
        (timestamp,) = [value for name, value in fields if name == "t"]
        assert abs(time.time() - int(timestamp)) < 300, "a replayed request"
        block = hashlib.sha256().block_size
        key = secret.encode().ljust(block, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + timestamp.encode() + b"." + self.raw).digest()
        expected = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
        return any(hmac.compare_digest(expected, value) for name, value in fields if name == "v1")


class WebhookReceiver:
    """Keeps what it took, in order. `decide` says how each callback is answered: a status, or None to be silent."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.host = url.removeprefix("http://").partition("/")[0]
        self.seen: list[Event] = []  # also what was not taken
        self.taken: list[Event] = []
        self.decide: Callable[[Event], int | None] = lambda _: 200
        self.headers: dict[str, str] = {}
        self._came = asyncio.Event()

    async def serve(self, request: web.Request) -> web.Response:
        """One callback."""
        event = Event(
            request.path, {name.lower(): value for name, value in request.headers.items()}, await request.read()
        )
        self.seen.append(event)
        self._came.set()
        status = self.decide(event)
        if status is None:
            await asyncio.sleep(60)
        if status is not None and 200 <= status < 300:
            self.taken.append(event)
            self._came.set()
        return web.Response(status=status or 200, headers=self.headers)

    async def until(self, holds: Callable[[], bool], *, seconds: float = 20) -> None:
        """Waits until it holds."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._came.clear()
                await self._came.wait()

    def states(self) -> dict[str, list[str]]:
        """By message: the statuses that were told, in the order of their arrival, repetitions left out."""
        told: dict[str, dict[str, str]] = {}
        for event in self.taken:
            told.setdefault(event.body["messageId"], {})[event.id] = event.body["status"]["name"]
        return {message: list(events.values()) for message, events in told.items()}


@asynccontextmanager
async def open_webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    """A receiver on a free port of 127.0.0.1."""
    port = free_port()
    receiver = WebhookReceiver(f"http://127.0.0.1:{port}/hook")
    application = web.Application()
    application.router.add_post("/{path:.*}", receiver.serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield receiver
    finally:
        await runner.cleanup()
