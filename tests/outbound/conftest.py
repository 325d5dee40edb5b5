"""A web server that does as it is told, and a resolver that lies."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class WebServer:
    """Answers each request with `answer`, written piece by piece; None keeps it silent."""

    port: int = 0
    answer: bytes | None = OK
    endless: bytes = b""  # repeated after the answer until the client goes away
    pause: float = 0.0  # between the pieces of it
    closes: bool = False  # after the answer
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                if self.answer is None:
                    break
                writer.write(self.answer)
                while self.endless:
                    writer.write(self.endless)
                    await writer.drain()
                    await asyncio.sleep(self.pause)
                if self.closes:
                    break
        if self.answer is not None:
            writer.close()


@pytest_asyncio.fixture
async def web_server() -> AsyncIterator[WebServer]:
    """Serves on a free port of 127.0.0.1."""
    web = WebServer()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await web.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    yield web
    server.close()
    for writer in writers:
        writer.close()
    await server.wait_closed()


Names = dict[str, list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, list[str]]:
    """What the machine's resolver answers from now on; a test fills and changes it."""
    known: Names = {}
    real: Callable[..., object] = socket.getaddrinfo

    def resolve(host: str, port: int, *arguments: object, **named: object) -> object:
        if host not in known:
            return real(host, port, *arguments, **named)
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known
