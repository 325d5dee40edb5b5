"""The guarded client against a real server that behaves badly."""

import time

import pytest

from heliograph.errors import InvalidInput, UnknownOutcome, UpstreamFailed
from heliograph.outbound.client import OutboundClient, OutboundRequest
from heliograph.stack.ports import free_port
from tests.outbound.conftest import Names, WebServer


def _client(web: WebServer, *, timeout: float = 5.0, answer_limit: int = 1000) -> OutboundClient:
    return OutboundClient(timeout=timeout, reachable=[f"127.0.0.1:{web.port}"], answer_limit=answer_limit)


async def test_a_request_is_written_as_given_and_its_answer_read(web_server: WebServer) -> None:
    web_server.answer = b"HTTP/1.1 202 Accepted\r\nX-Id: 7\r\nContent-Length: 5\r\n\r\nhello"
    async with _client(web_server) as client:
        request = OutboundRequest("POST", f"{web_server.url}/a?b=c", {"content-type": "text/plain"}, b"body")
        answer = await client.send(request)
    assert (answer.status, answer.headers["x-id"], answer.body) == (202, "7", b"hello")
    head, _, body = web_server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert b"content-type: text/plain" in head.lower()
    assert body == b"body"


async def test_a_private_address_is_never_connected_to(web_server: WebServer) -> None:
    async with OutboundClient(timeout=5) as client:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"):
            with pytest.raises(InvalidInput) as refused:
                await client.send(OutboundRequest("GET", f"http://{host}:{web_server.port}/"))
            assert refused.value.errors[0].code == "private_address"
    assert web_server.requests == []


async def test_the_address_that_was_checked_is_the_one_connected_to(web_server: WebServer, names: Names) -> None:
    """DNS rebinding: the name moves as soon as it was checked. The connection does not ask again."""
    names["rebound.example"] = ["127.0.0.1"]
    request = OutboundRequest("GET", f"http://rebound.example:{web_server.port}/")
    async with OutboundClient(timeout=5, reachable=[f"127.0.0.1:{web_server.port}"]) as client:
        await client.send(request)
        names["rebound.example"] = ["10.0.0.1"]
        await client.send(request)  # still pinned
    assert len(web_server.requests) == 2
    assert b"host: rebound.example" in web_server.requests[0].lower()


async def test_a_name_that_moved_inside_is_refused_after_a_failed_connection(
    web_server: WebServer, names: Names
) -> None:
    names["rebound.example"] = ["127.0.0.9"]  # where nothing listens
    request = OutboundRequest("GET", f"http://rebound.example:{web_server.port}/")
    async with OutboundClient(timeout=5, reachable=["127.0.0.9"]) as client:
        with pytest.raises(UpstreamFailed):
            await client.send(request)
        names["rebound.example"] = ["127.0.0.1"]
        with pytest.raises(InvalidInput):
            await client.send(request)
    assert web_server.requests == []


@pytest.mark.parametrize(
    "host", ["Shop.EXAMPLE", "shop.example.", "bücher.example", "a_b.example", "xn--bcher-kva.example"]
)
async def test_no_way_of_writing_a_name_reaches_another_resolver(
    web_server: WebServer, names: Names, host: str
) -> None:
    """Names that exist only in the checked answer: had the client asked by itself, it would not find them."""
    for name in ("shop.example", "shop.example.", "xn--bcher-kva.example", "a_b.example"):
        names[name] = ["127.0.0.1"]
    async with OutboundClient(timeout=5, reachable=["127.0.0.1"]) as client:
        answer = await client.send(OutboundRequest("GET", f"http://{host}:{web_server.port}/"))
    assert answer.status == 200


async def test_a_redirect_is_an_answer_and_is_not_followed(web_server: WebServer) -> None:
    web_server.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with _client(web_server) as client:
        answer = await client.send(OutboundRequest("GET", web_server.url))
    assert answer.status == 302
    assert len(web_server.requests) == 1


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"]
)
async def test_an_endless_answer_is_given_up_at_the_limit(web_server: WebServer, head: bytes) -> None:
    web_server.answer, web_server.endless = head, b"64\r\n" + b"x" * 100 + b"\r\n"
    async with _client(web_server) as client:
        with pytest.raises(UnknownOutcome) as failed:
            await client.send(OutboundRequest("GET", web_server.url))
    assert failed.value.code == "answer_too_large"


async def test_an_answer_that_drips_for_ever_ends_with_the_time(web_server: WebServer) -> None:
    web_server.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    web_server.endless, web_server.pause = b"1\r\nx\r\n", 0.05
    async with _client(web_server, timeout=0.4) as client:
        with pytest.raises(UnknownOutcome) as failed:
            await client.send(OutboundRequest("GET", web_server.url))
    assert failed.value.code == "timeout"


async def test_silence_ends_with_the_time(web_server: WebServer) -> None:
    web_server.answer = None
    async with _client(web_server, timeout=0.2) as client:
        with pytest.raises(UnknownOutcome) as failed:
            await client.send(OutboundRequest("GET", web_server.url))
    assert failed.value.code == "timeout"


async def test_nothing_is_written_after_the_lease(web_server: WebServer) -> None:
    async with _client(web_server) as client:
        await client.send(OutboundRequest("GET", web_server.url))
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(OutboundRequest("GET", web_server.url), valid_until=time.monotonic() - 0.001)
    assert failed.value.code == "lease_expired"
    assert len(web_server.requests) == 1


async def test_a_refused_connection_wrote_nothing(web_server: WebServer) -> None:
    port = free_port()
    async with OutboundClient(timeout=5, reachable=["127.0.0.1"]) as client:
        with pytest.raises(UpstreamFailed) as failed:
            await client.send(OutboundRequest("GET", f"http://127.0.0.1:{port}/"))
        assert failed.value.code == "connect"
        await client.send(OutboundRequest("GET", web_server.url))


async def test_another_address_of_the_name_is_tried_after_a_failure(web_server: WebServer, names: Names) -> None:
    names["two.example"] = ["127.0.0.9", "127.0.0.1"]
    url = f"http://two.example:{web_server.port}/"
    async with OutboundClient(timeout=5, reachable=["two.example"]) as client:
        with pytest.raises(UpstreamFailed):
            await client.send(OutboundRequest("GET", url))
        assert (await client.send(OutboundRequest("GET", url))).status == 200


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_a_dropped_connection_leaves_the_outcome_unknown(web_server: WebServer, answer: bytes) -> None:
    web_server.answer, web_server.closes = answer, True
    async with _client(web_server) as client:
        with pytest.raises(UnknownOutcome) as failed:
            await client.send(OutboundRequest("POST", web_server.url, body=b"x"))
    assert failed.value.code == "connection_lost"
    assert len(web_server.requests) == 1


async def test_a_header_with_a_line_break_is_refused(web_server: WebServer) -> None:
    async with _client(web_server) as client:
        with pytest.raises(InvalidInput) as refused:
            await client.send(OutboundRequest("GET", web_server.url, {"x-a": "1\r\nx-b: 2"}))
    assert refused.value.errors[0].field == "request"
    assert web_server.requests == []


async def test_a_closed_client_sends_nothing(web_server: WebServer) -> None:
    client = _client(web_server)
    await client.aclose()
    with pytest.raises(UpstreamFailed) as failed:
        await client.send(OutboundRequest("GET", web_server.url))
    assert failed.value.code == "closed"
    assert web_server.requests == []
