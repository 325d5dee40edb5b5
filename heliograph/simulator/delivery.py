"""Makes callbacks: a light HTTP client with a bounded pool of connections per server.

Twilio hardly retries a status callback, and neither do we, for whichever provider: once more after a failed connection
or a time-out, at once; then it is lost. An answer, whatever its status, is the end of it.
"""

import asyncio
import ssl
from collections import Counter, deque
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

CONNECTIONS_PER_SERVER: Final = 256
_CONNECTIONS_AT_FIRST: Final = 4
"""To a server that was never reached: looking up a name that is none cannot be cut short, not even at the end."""
TIMEOUT_SECONDS: Final = 15.0
_ATTEMPTS: Final = 2
_SWEEP_SECONDS: Final = 1.0


class Callback:
    """One request to be made. `headers` are whole lines, each with its line break."""

    __slots__ = ("attempts", "body", "headers", "method", "url")

    def __init__(self, url: str, body: bytes, headers: bytes, method: bytes = b"POST") -> None:
        self.url = url
        self.body = body
        self.headers = headers
        self.method = method
        self.attempts = 0


class CallbackClient:
    """Takes callbacks and brings them to their servers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # "posted", "answered_<status>", "retried", "lost"
        self._servers: dict[str, _Server] = {}
        self._loop = asyncio.get_running_loop()
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)

    def post(self, callback: Callback) -> None:
        """Posts one, now or as soon as a connection is free."""
        origin = callback.url[: callback.url.find("/", 8)]
        server = self._servers.get(origin)
        if server is None:
            server = self._servers[origin] = _Server(origin, self.counts)
        self.counts["posted"] += 1
        server.take(callback)

    @property
    def waiting(self) -> int:
        """Callbacks not answered yet."""
        return sum(server.load for server in self._servers.values())

    def close(self) -> None:
        """Ends everything."""
        self._sweeper.cancel()
        for server in self._servers.values():
            server.close()

    def _sweep(self) -> None:
        limit = self._loop.time() - TIMEOUT_SECONDS
        for server in self._servers.values():
            server.time_out(limit)
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)


class _Server:
    """One scheme, host and port: its queue and its connections."""

    def __init__(self, origin: str, counts: Counter[str]) -> None:
        split = urlsplit(origin)
        self.counts = counts
        self.host = split.netloc.encode("idna") if not split.netloc.isascii() else split.netloc.encode()
        self._address = (split.hostname or "", split.port or (443 if split.scheme == "https" else 80))
        self._tls = ssl.create_default_context() if split.scheme == "https" else None
        self._queue: deque[Callback] = deque()
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._opening: set[asyncio.Task[None] | None] = set()
        self._limit = _CONNECTIONS_AT_FIRST

    @property
    def load(self) -> int:
        return len(self._queue) + len(self._open) - len(self._idle) + len(self._opening)

    def take(self, callback: Callback) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.alive:
                connection.post(callback)
                return
        self._queue.append(callback)
        self._connect_if_useful()

    def _connect_if_useful(self) -> None:
        if len(self._open) + len(self._opening) < self._limit and len(self._queue) > len(self._opening):
            self._opening.add(asyncio.get_running_loop().create_task(self._connect()))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        connection: _Connection | None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                _, connection = await loop.create_connection(lambda: _Connection(self), *self._address, ssl=self._tls)
        except OSError:  # a time-out too
            connection = None
        self._opening.discard(asyncio.current_task())
        if connection is not None:
            self._limit = CONNECTIONS_PER_SERVER
            self._open.add(connection)
            self.free(connection)
            self._connect_if_useful()
        elif self._queue:
            self.failed(self._queue.popleft())

    def free(self, connection: "_Connection") -> None:
        """A connection has nothing to do."""
        if self._queue:
            connection.post(self._queue.popleft())
        else:
            self._idle.append(connection)

    def failed(self, callback: Callback) -> None:
        """A callback did not get through."""
        callback.attempts += 1
        if callback.attempts < _ATTEMPTS:
            self.counts["retried"] += 1
            self._queue.append(callback)
        else:
            self.counts["lost"] += 1
        self._connect_if_useful()

    def gone(self, connection: "_Connection") -> None:
        """A connection closed."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._connect_if_useful()

    def time_out(self, posted_before: float) -> None:
        for connection in list(self._open):
            connection.time_out(posted_before)

    def close(self) -> None:
        self._queue.clear()
        for task in list(self._opening):
            if task is not None:
                task.cancel()
        for connection in list(self._open):
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection: one callback at a time."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._parser = httptools.HttpResponseParser(self)
        self._callback: Callback | None = None
        self._posted_at = 0.0
        self._loop = asyncio.get_running_loop()

    @property
    def alive(self) -> bool:
        return not self._transport.is_closing()

    def post(self, callback: Callback) -> None:
        """Writes the request."""
        self._callback = callback
        self._posted_at = self._loop.time()
        path = callback.url[callback.url.find("/", 8) :].encode()
        self._transport.write(
            b"%b %b HTTP/1.1\r\nHost: %b\r\n%bContent-Length: %d\r\n\r\n%b"
            % (callback.method, path, self._server.host, callback.headers, len(callback.body), callback.body)
        )

    def time_out(self, posted_before: float) -> None:
        """Gives up an answer that takes too long."""
        if self._callback is not None and self._posted_at < posted_before:
            self._transport.abort()

    def close(self) -> None:
        """Closes without another try."""
        self._callback = None
        self._transport.abort()

    # -- asyncio
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        """Feeds the parser."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """What was under way has failed."""
        callback, self._callback = self._callback, None
        self._server.gone(self)
        if callback is not None:
            self._server.failed(callback)

    # -- httptools
    def on_message_complete(self) -> None:
        """The callback is answered; the connection takes the next."""
        if self._callback is None:
            return
        self._callback = None
        self._server.counts[f"answered_{self._parser.get_status_code()}"] += 1
        if self._parser.should_keep_alive():
            self._server.free(self)
        else:
            self._transport.close()
