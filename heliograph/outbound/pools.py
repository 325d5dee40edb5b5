"""One connection pool per origin, pinned to an address that was checked.

A pool is told the address of its host and asks no resolver, so what is connected to is what was checked: a name that is
moved to a private address between check and connection (DNS rebinding) gains nothing.
"""

import asyncio
import time
from datetime import timedelta
from typing import Final

from pyreqwest.client import Client, ClientBuilder

from heliograph.errors import UpstreamFailed
from heliograph.outbound.origin import Origin
from heliograph.outbound.reach import Reach

_CONNECT_SHARE: Final = 0.5  # of the time of a request: a failure to connect is to be told from silence afterwards
_IDLE_SECONDS: Final = 10.0  # below the idle limits of usual servers, so that they seldom close what we are writing to
_RENEWED_SECONDS: Final = 60.0  # how long an address is used before the name is looked up again
_FORGOTTEN_SECONDS: Final = 600.0  # after which a pool that nobody used is closed


class _Pool:
    """The pool of one origin."""

    __slots__ = ("address", "client", "lock", "looked_up_at", "used_at")

    def __init__(self) -> None:
        self.client: Client | None = None
        self.address = ""
        self.looked_up_at = float("-inf")
        self.used_at = 0.0
        self.lock = asyncio.Lock()


class Pools:
    """Opens pools as they are needed. `timeout`: seconds that a request may take."""

    def __init__(self, reach: Reach, *, timeout: float) -> None:
        self._reach = reach
        self._timeout = timeout
        self._pools: dict[Origin, _Pool] = {}
        self._retired: set[asyncio.Task[None]] = set()
        self._closed = False

    async def get(self, origin: Origin) -> Client:
        """A client that can reach only this origin; `InvalidInput` or `UpstreamFailed` as `Reach.addresses` raises."""
        if self._closed:
            raise UpstreamFailed("the connection is closed", code="closed")
        pool = self._pools.get(origin)
        if pool is None:
            self._forget_unused()
            pool = self._pools[origin] = _Pool()
        pool.used_at = time.monotonic()
        if pool.client is not None and pool.used_at - pool.looked_up_at < _RENEWED_SECONDS:
            return pool.client
        async with pool.lock:
            if pool.client is None or time.monotonic() - pool.looked_up_at >= _RENEWED_SECONDS:
                await self._renew(pool, origin)
        if self._closed or pool.client is None:
            if pool.client is not None:  # opened while the others were closed
                await pool.client.close()
            raise UpstreamFailed("the connection is closed", code="closed")
        return pool.client

    def distrust(self, origin: Origin, client: Client) -> None:
        """Has the name looked up anew with the next request, and another of its addresses tried if there is one."""
        pool = self._pools.get(origin)
        if pool is not None and pool.client is client:  # else that was done for another request
            self._retire(client)
            pool.client = None

    async def aclose(self) -> None:
        """Closes all of them at once."""
        self._closed = True
        for task in self._retired:
            task.cancel()
        clients = [pool.client for pool in self._pools.values() if pool.client is not None]
        self._pools.clear()
        await asyncio.gather(*(client.close() for client in clients))
        await asyncio.gather(*self._retired, return_exceptions=True)

    async def _renew(self, pool: _Pool, origin: Origin) -> None:
        addresses = await self._reach.addresses(origin)
        pool.looked_up_at = time.monotonic()
        if pool.client is not None:
            if pool.address in addresses:
                return
            self._retire(pool.client)
        others = [address for address in addresses if address != pool.address]
        pool.address = (others or addresses)[0]
        pool.client = self._open(origin, pool.address)

    def _open(self, origin: Origin, address: str) -> Client:
        builder = (
            ClientBuilder()
            .no_proxy()
            .follow_redirects(False)
            .default_cookie_store(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .user_agent("Heliograph")
            .connect_timeout(timedelta(seconds=self._timeout * _CONNECT_SHARE))
            .pool_idle_timeout(timedelta(seconds=_IDLE_SECONDS))
            .http1_lower_case_headers()
        )
        if origin.literal is None:
            builder = builder.resolve(origin.host, address, origin.port)
        return builder.build()

    def _forget_unused(self) -> None:
        limit = time.monotonic() - _FORGOTTEN_SECONDS
        for origin, pool in list(self._pools.items()):
            if pool.used_at < limit and not pool.lock.locked():
                del self._pools[origin]
                if pool.client is not None:
                    self._retire(pool.client)

    def _retire(self, client: Client) -> None:
        """Requests that use it may end: it is closed when they must have ended."""
        task = asyncio.get_running_loop().create_task(self._close_later(client))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _close_later(self, client: Client) -> None:
        try:
            await asyncio.sleep(self._timeout)
        finally:
            await client.close()
