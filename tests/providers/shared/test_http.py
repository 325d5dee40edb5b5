"""The transport against a real server: what was written, what was not, and what each answer means."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import TypeVar

import pytest
import pytest_asyncio

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import ConnectionOptions, InDoubt, NotProcessed
from heliograph.providers.shared.http import LONGEST_ANSWER, HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.simulator.http import HttpProtocol, Manner, Reply, Request
from heliograph.stack.ports import free_port


class Mute(asyncio.Protocol):
    """Takes connections and what comes over them, and says nothing."""

    def __init__(self) -> None:
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Keeps what came."""
        self.received += data


AnyProtocol = TypeVar("AnyProtocol", Mute, HttpProtocol)


@asynccontextmanager
async def listening(
    make: Callable[[], AnyProtocol], scheme: str = "http"
) -> AsyncIterator[tuple[str, list[AnyProtocol]]]:
    """The address of a server with this protocol, and its connections; nothing of it is left at the end."""
    opened: list[AnyProtocol] = []

    def open_one() -> AnyProtocol:
        opened.append(make())
        return opened[-1]

    server = await asyncio.get_running_loop().create_server(open_one, "127.0.0.1", 0)
    yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}", opened
    server.close()
    for protocol in opened:
        transport = protocol._transport
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
    await asyncio.sleep(0.01)


class Server:
    """Answers with `reply` and remembers the requests."""

    def __init__(self) -> None:
        self.reply = Reply(200, b'{"id": "a"}')
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.url = ""

    def answer(self, request: Request) -> Reply:
        """The reply that was set."""
        self.requests.append(request)
        self.asked.set()
        return self.reply


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    """A server on a free port."""
    server = Server()
    async with listening(lambda: HttpProtocol(server.answer)) as (server.url, _):
        yield server


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    """A transport with a short time limit."""
    transport = HttpTransport("Acme", ConnectionOptions(timeout=0.5, callback_url=None))
    yield transport
    await transport.aclose()


METHODS = ["POST", "GET"]


def _request(url: str, method: str = "POST") -> HttpRequest:
    headers = {"Content-Type": "application/json", "X-Key": "secret"}
    return HttpRequest(method, url, headers, b'{"to": 1}' if method == "POST" else None)


def _later(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


async def test_a_request_arrives_as_it_was_given(server: Server, transport: HttpTransport) -> None:
    answer = await transport.send(_request(f"{server.url}/send?to=%2B44"), _later())
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.json_object()) == (200, {"id": "a"})
    (request,) = server.requests
    assert (request.method, request.path, request.query) == (b"POST", b"/send", b"to=%2B44")
    assert (request.body, request.header(b"x-key")) == (b'{"to": 1}', "secret")
    assert request.header(b"content-length") == "9"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("manner", [Manner.DROP, Manner.SILENCE])
async def test_no_answer_to_what_was_written_is_in_doubt_and_not_repeated(
    server: Server, transport: HttpTransport, method: str, manner: Manner
) -> None:
    for _ in range(2):  # on a fresh connection and, where there is one, a used one
        server.reply = Reply(200, b"{}")
        assert isinstance(await transport.send(_request(server.url, method), _later()), HttpAnswer)
        server.requests.clear()
        server.reply = Reply(500, manner=manner)
        outcome = await transport.send(_request(server.url, method), _later())
        assert isinstance(outcome, InDoubt)
        assert outcome.error.error_class is ErrorClass.UNKNOWN_OUTCOME
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", METHODS)
async def test_a_refused_connection_is_not_processed(transport: HttpTransport, method: str) -> None:
    outcome = await transport.send(_request(f"http://127.0.0.1:{free_port()}", method), _later())
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "connect"


@pytest.mark.parametrize("method", METHODS)
async def test_a_host_without_a_name_or_without_tls_is_not_processed(
    server: Server, transport: HttpTransport, method: str
) -> None:
    for url in ("http://no-such-host.invalid/", server.url.replace("http:", "https:")):
        outcome = await transport.send(_request(url, method), _later())
        assert isinstance(outcome, NotProcessed), url


@pytest.mark.parametrize("method", METHODS)
async def test_a_server_that_never_takes_the_connection_is_not_processed(transport: HttpTransport, method: str) -> None:
    async with listening(Mute, "https") as (url, _):
        outcome = await transport.send(_request(url, method), _later())
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "connect_timeout"


@pytest.mark.parametrize("method", METHODS)
async def test_nothing_is_written_after_the_lease(server: Server, transport: HttpTransport, method: str) -> None:
    outcome = await transport.send(_request(server.url, method), _later(-0.001))
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "lease_expired"
    assert server.requests == []


async def test_a_lease_that_ends_while_the_connection_is_made_is_kept(transport: HttpTransport) -> None:
    async with listening(Mute) as (url, connections):
        sending = asyncio.create_task(transport.send(_request(url), _later(0.05)))
        await asyncio.sleep(0)  # the request goes to the client's own thread
        time.sleep(0.2)  # noqa: ASYNC251  # our loop is frozen until the lease is over
        outcome = await sending
        await asyncio.sleep(0.05)
        assert not any(b"{" in connection.received for connection in connections)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "lease_expired"


async def test_a_closed_transport_sends_nothing(server: Server, transport: HttpTransport) -> None:
    await transport.aclose()
    outcome = await transport.send(_request(server.url), _later())
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "connection_closed"
    with pytest.raises(UpstreamFailed):
        await transport.ask(_request(server.url))
    assert server.requests == []


async def test_closing_puts_what_was_written_in_doubt(server: Server, transport: HttpTransport) -> None:
    server.reply = Reply(500, manner=Manner.SILENCE)
    sending = asyncio.create_task(transport.send(_request(server.url), _later()))
    await server.asked.wait()
    await transport.aclose()
    assert isinstance(await sending, InDoubt)


async def test_a_redirect_is_an_answer(server: Server, transport: HttpTransport) -> None:
    server.reply = Reply(302, headers=b"Location: /elsewhere\r\n")
    answer = await transport.send(_request(server.url), _later())
    assert isinstance(answer, HttpAnswer)
    assert answer.status == 302
    assert len(server.requests) == 1


async def test_an_answer_without_end_is_not_read(server: Server, transport: HttpTransport) -> None:
    server.reply = Reply(200, b"x" * (LONGEST_ANSWER + 1))
    assert isinstance(await transport.send(_request(server.url), _later()), InDoubt)
    server.reply = Reply(200, gzip.compress(b"x" * (LONGEST_ANSWER + 1)), headers=b"Content-Encoding: gzip\r\n")
    assert isinstance(await transport.send(_request(server.url), _later()), InDoubt)


async def test_an_answer_that_is_cut_off_is_in_doubt(transport: HttpTransport) -> None:
    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    cutting = await asyncio.start_server(cut_off, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{cutting.sockets[0].getsockname()[1]}"
    assert isinstance(await transport.send(_request(url), _later()), InDoubt)
    cutting.close()


async def test_a_key_that_is_no_header_is_told_and_nothing_is_sent(server: Server, transport: HttpTransport) -> None:
    request = HttpRequest("POST", server.url, {"Authorization": "Bearer a\nb"}, b"{}")
    outcome = await transport.send(request, _later())
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.code == "bad_request"
    with pytest.raises(BadRequest):
        await transport.ask(request)
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Unauthenticated),
        (403, Unauthenticated),
        (404, NotFound),
        (400, BadRequest),
        (429, UpstreamFailed),
        (302, UpstreamFailed),
        (500, UpstreamFailed),
        (503, UpstreamFailed),
    ],
)
async def test_a_question_that_is_refused_raises(
    server: Server, transport: HttpTransport, status: int, error: type[Exception]
) -> None:
    server.reply = Reply(status, b"{}")
    with pytest.raises(error):
        await transport.ask(_request(server.url, "GET"))


async def test_a_question_without_an_answer_raises(server: Server, transport: HttpTransport) -> None:
    for manner in (Manner.DROP, Manner.SILENCE):
        server.reply = Reply(200, manner=manner)
        with pytest.raises(UpstreamFailed):
            await transport.ask(_request(server.url))


async def test_retry_after_is_read_in_seconds_and_as_a_date(server: Server, transport: HttpTransport) -> None:
    for header, low, high in (("7", 7.0, 7.0), (formatdate(time.time() + 60, usegmt=True), 50.0, 60.0)):
        server.reply = Reply(429, headers=f"Retry-After: {header}\r\n".encode())
        answer = await transport.fetch(_request(server.url))
        assert answer.retry_after is not None
        assert low <= answer.retry_after <= high
    server.reply = Reply(429, headers=b"Retry-After: soon\r\n")
    assert (await transport.fetch(_request(server.url))).retry_after is None


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"a": ', b"\xff"])
async def test_a_body_that_is_no_object_is_none(server: Server, transport: HttpTransport, body: bytes) -> None:
    server.reply = Reply(200, body)
    assert (await transport.ask(_request(server.url))).json_object() is None


def test_the_simulator_stands_in_for_the_host() -> None:
    own = ConnectionOptions(1.0, None)
    simulated = ConnectionOptions(1.0, None, simulator_url="http://127.0.0.1:8090/")
    assert base_url(own, "acme", "https://api.acme.example/") == "https://api.acme.example"
    assert base_url(simulated, "acme", "https://api.acme.example") == "http://127.0.0.1:8090/acme"
