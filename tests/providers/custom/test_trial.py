"""Trying a connector shows request and answer, and none of its secrets, however they are written."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import orjson
import pytest

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.custom.hiding import hide
from heliograph.providers.protocol import Accepted, ConnectionOptions, NotProcessed, Refused, SenderAddress
from heliograph.providers.registry import provider
from heliograph.providers.shared.trial import Trial, TriesOut
from heliograph.simulator.client import SimulatorClient
from heliograph.stack.ports import free_port
from tests.outbound.conftest import WebServer
from tests.providers.contract import message
from tests.providers.custom.gateway import account

SENDER = SenderAddress("sender", "ACME")
SECRET = 'k<y&"é+/=1'


async def trial(url: str, body: str = "Hi", credentials: dict[str, Any] | None = None, **changes: Any) -> Trial:
    options = ConnectionOptions(5.0, None, reachable=("127.0.0.1",))
    connection = provider("custom").open(account(url, credentials, **changes), options)
    assert isinstance(connection, TriesOut)
    shown = await connection.try_out(message(body=body), SENDER)
    await connection.aclose()
    return shown


async def test_request_answer_and_verdict_are_shown(simulator: SimulatorClient) -> None:
    shown = await trial(simulator.url)
    assert isinstance(shown.outcome, Accepted)
    assert shown.request is not None
    assert shown.answer is not None
    assert (shown.request.method, shown.request.url) == ("POST", f"{simulator.url}/custom/messages")
    assert shown.request.headers == {"Content-Type": "application/json", "Authorization": "•••"}
    assert orjson.loads(shown.request.body or "")["text"] == "Hi"
    assert (shown.answer.status, shown.answer.body[:7]) == (202, '{"id":"')


@pytest.mark.parametrize(
    "authentication",
    [
        {"kind": "none"},
        {"kind": "basic"},
        {"kind": "bearer", "header": "X-Key", "prefix": "key="},
        {"kind": "hmac", "header": "X-Signature", "timestamp_header": "X-Time"},
    ],
)
async def test_no_secret_is_shown_even_when_the_gateway_repeats_it(
    web_server: WebServer, authentication: dict[str, Any]
) -> None:
    forms = [SECRET, quote_plus(SECRET), orjson.dumps(SECRET).decode(), b64encode(SECRET.encode()).decode()]
    echo = " ".join([*forms, "shop:password", b64encode(b"shop:password").decode(), "a-token", "a-key"]).encode()
    web_server.answer = b"HTTP/1.1 400 No\r\nContent-Length: %d\r\n\r\n" % len(echo) + echo
    everything = {
        "username": "shop",
        "password": "password",
        "token": "a-token",
        "signing_key": "a-key",
        "secrets": {"api_key": SECRET},
    }
    request = {
        "url": web_server.url + "/{{ secrets.api_key }}?a={{ secrets.api_key }}",
        "query": {"key": "{{ secrets.api_key }}"},
        "body": {"format": "json", "document": {"key": "{{ secrets.api_key }}", "text": "{{ body }}"}},
    }
    shown = await trial(web_server.url, "Hi", everything, request=request, authentication=authentication)
    assert shown.request is not None
    assert shown.answer is not None
    text = " ".join([shown.request.url, str(shown.request.headers), shown.request.body or "", shown.answer.body])
    for secret in (*forms, "password", "a-token", "a-key", b64encode(b"shop:password").decode()):
        assert secret not in text
    assert "•••" in shown.request.url


async def test_a_token_is_hidden_too(simulator: SimulatorClient) -> None:
    authentication = {"kind": "oauth2", "token_url": f"{simulator.url}/custom/token"}
    shown = await trial(simulator.url, "Hi", {"client_id": "shop", "client_secret": "s"}, authentication=authentication)
    assert isinstance(shown.outcome, Accepted)
    assert shown.request is not None
    assert shown.request.headers["Authorization"] == "•••"


async def test_without_an_answer_the_verdict_says_why() -> None:
    shown = await trial(f"http://127.0.0.1:{free_port()}")
    assert shown.answer is None
    assert shown.request is not None
    assert isinstance(shown.outcome, NotProcessed)
    assert shown.outcome.error.code == "connect"


async def test_without_a_request_the_verdict_says_why(web_server: WebServer) -> None:
    request = {"url": web_server.url, "headers": {"X-Text": "{{ body }}"}}
    shown = await trial(web_server.url, "ü", request=request)
    assert (shown.request, shown.answer) == (None, None)
    assert isinstance(shown.outcome, Refused)
    assert shown.outcome.error.error_class is ErrorClass.CONTENT


def test_the_longest_form_is_hidden_first() -> None:
    assert hide("abcd abc", ["abc", "abcd"]) == "••• •••"
    assert hide("nothing", ["", "x"]) == "nothing"
