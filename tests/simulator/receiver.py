"""A server that takes callbacks as the API would, and keeps them as they came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from heliograph.providers.protocol import ProviderRequest
from heliograph.stack.ports import free_port


class Receiver:
    """What came, in order; `status` is what the next ones are answered with."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[ProviderRequest] = []
        self.status = 200
        self._came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """Keeps one callback."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        address = self.url.split("/callbacks")[0] + request.path_qs
        self.requests.append(ProviderRequest(request.method, address, headers, body))
        self._came.set()
        return web.Response(status=self.status)

    async def until(self, holds: Callable[[list[ProviderRequest]], bool], *, seconds: float = 10) -> None:
        """Waits until what came satisfies the condition."""
        async with asyncio.timeout(seconds):
            while not holds(self.requests):
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    port = free_port()
    receiver = Receiver(f"http://127.0.0.1:{port}/callbacks/the-token/status")
    application = web.Application()
    application.router.add_route("*", "/callbacks/the-token/status", receiver.take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield receiver
    finally:
        await runner.cleanup()
