"""A small HTTP/1.1 server on asyncio and httptools: what the simulator needs, at little cost per request."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final, cast

import httptools

_BODY_LIMIT: Final = 64 * 2**20  # bytes; a script may be large, nothing else is
_HEADS: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Manner(Enum):
    """How a reply is given."""

    ANSWER = "answer"
    DROP = "drop"  # the connection is closed instead
    SILENCE = "silence"  # nothing ever comes


@dataclass(slots=True)
class Request:
    """One request; `path` and `query` as they came, undecoded."""

    method: bytes
    path: bytes
    query: bytes
    authorization: bytes
    body: bytes
    raw_headers: list[tuple[bytes, bytes]]

    def header(self, name: bytes) -> str:
        """The value of a header, named in lower case; empty without it."""
        for given, value in self.raw_headers:
            if given.lower() == name:
                return value.decode("latin-1")
        return ""


@dataclass(slots=True)
class Reply:
    """What to answer, how, and after how many seconds."""

    status: int
    body: bytes = b""
    delay: float = 0.0
    manner: Manner = Manner.ANSWER
    content_type: bytes = b"application/json"
    headers: bytes = b""  # whole lines, each with its line break
    stream: Iterator[bytes] | None = None  # instead of `body`: sent piece by piece, as fast as the reader takes them


Answer = Callable[[Request], Reply]


class HttpProtocol(asyncio.Protocol):
    """One connection: requests are answered one at a time, in the order they came."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._paused = False
        self._stream: Iterator[bytes] | None = None
        self._keep_alive = True
        self._new_request()

    def _new_request(self) -> None:
        self._url = b""
        self._authorization = b""
        self._body = b""
        self._headers: list[tuple[bytes, bytes]] = []

    # -- asyncio
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        """Feeds the parser; what is not HTTP is answered with 400."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._keep_alive = False
            self._give(Reply(400, b"not HTTP/1.1", content_type=b"text/plain"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forgets what was still to be answered."""
        self._waiting.clear()
        self._stream = None

    def pause_writing(self) -> None:
        """Holds a stream back."""
        self._paused = True

    def resume_writing(self) -> None:
        """Lets a stream go on."""
        self._paused = False
        if self._stream is not None:
            self._write_stream()

    # -- httptools
    def on_url(self, url: bytes) -> None:
        """Collects the address, which may come in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keeps them, and the one that nearly everybody reads apart."""
        self._headers.append((name, value))
        if len(name) == 13 and name.lower() == b"authorization":
            self._authorization = value

    def on_body(self, body: bytes) -> None:
        """Collects the body."""
        self._body = self._body + body if self._body else body
        if len(self._body) > _BODY_LIMIT:
            self._transport.abort()

    def on_message_complete(self) -> None:
        """Answers, or queues behind the request that is being answered."""
        path, _, query = self._url.partition(b"?")
        request = Request(self._parser.get_method(), path, query, self._authorization, self._body, self._headers)
        self._keep_alive = self._parser.should_keep_alive()
        self._new_request()
        if self._busy:
            self._waiting.append(request)
        else:
            self._serve(request)

    # -- ours
    def _serve(self, request: Request) -> None:
        self._busy = True
        reply = self._answer(request)
        if reply.delay > 0:
            self._loop.call_later(reply.delay, self._give, reply)
        else:
            self._give(reply)

    def _give(self, reply: Reply) -> None:
        if self._transport.is_closing() or reply.manner is Manner.SILENCE:
            return
        if reply.manner is Manner.DROP:
            self._transport.abort()
            return
        head = b"%bContent-Type: %b\r\n%b" % (_HEADS[reply.status], reply.content_type, reply.headers)
        if reply.stream is not None:
            self._transport.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            self._stream = reply.stream
            self._write_stream()
            return
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(reply.body), reply.body))
        self._next()

    def _write_stream(self) -> None:
        """One piece per turn of the loop, so that a long stream holds nobody up."""
        if self._stream is None or self._paused or self._transport.is_closing():
            return
        piece = next(self._stream, None)
        if piece is None:
            self._stream = None
            self._transport.write(b"0\r\n\r\n")
            self._next()
            return
        if piece:
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self._loop.call_soon(self._write_stream)

    def _next(self) -> None:
        self._busy = False
        if not self._keep_alive and not self._waiting:
            self._transport.close()
        elif self._waiting:
            self._serve(self._waiting.popleft())
