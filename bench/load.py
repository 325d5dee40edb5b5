"""A light HTTP load: requests made beforehand, a fixed number of connections, little work per answer."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

CONNECTIONS = 64
_END_OF_HEAD = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 "


def post(host: str, port: int, path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A whole request, ready to be written."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: {host}:{port}",
        "content-type: application/x-www-form-urlencoded",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


@dataclass(frozen=True, slots=True)
class Load:
    """What a load of requests did."""

    answers: int
    seconds: float
    refused: Sequence[bytes]  # the first line of each answer other than 200

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


class _Client(asyncio.Protocol):
    """One connection: writes the next request when the last is answered. Understands answers without a body."""

    def __init__(self, requests: Iterator[bytes], refused: list[bytes]) -> None:
        self._requests = requests
        self._refused = refused
        self._buffer = b""
        self._transport: asyncio.Transport
        self.answers = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has its own class
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return
        self.answers += 1
        if not self._buffer.startswith(_OK):
            self._refused.append(self._buffer.partition(b"\r\n")[0])
            self._transport.close()  # an answer with a body: this client does not read on
            return
        self._buffer = self._buffer[end + len(_END_OF_HEAD) :]
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


async def drive(host: str, port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Load:
    """Sends `requests`, one at a time on each connection, until all are answered."""
    loop = asyncio.get_running_loop()
    shared, refused = iter(requests), list[bytes]()
    started = time.perf_counter()
    clients = [
        (await loop.create_connection(lambda: _Client(shared, refused), host, port))[1] for _ in range(connections)
    ]
    await asyncio.gather(*(client.done for client in clients))
    return Load(sum(client.answers for client in clients), time.perf_counter() - started, refused)
