"""The open connection: authentication, tokens, bad gateways, private places, polling."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
import pytest_asyncio

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, InvalidInput, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.custom.connection import CustomConnection
from heliograph.providers.protocol import (
    Accepted,
    Account,
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    Refused,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Delivery, Failure, Fixed, Receipts, Script
from tests.outbound.conftest import WebServer
from tests.providers.contract import message
from tests.providers.custom.gateway import account

SENDER = SenderAddress("sender", "ACME")
Open = Callable[..., CustomConnection]
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"id":"7"}'


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens connections that may reach this machine; closes them."""
    made: list[CustomConnection] = []

    def open_(
        account: Account, *, timeout: float = 5.0, reachable: tuple[str, ...] = ("127.0.0.1",)
    ) -> CustomConnection:
        options = ConnectionOptions(timeout, "https://h.example/callbacks/t/status", reachable=reachable)
        made.append(provider("custom").open(account, options))  # type: ignore[arg-type]
        return made[-1]

    yield open_
    for connection in made:
        await connection.aclose()


def parts(request: bytes) -> tuple[dict[str, str], bytes]:
    """Headers, by names in small letters, and body."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.decode().partition(": ") for line in head.split(b"\r\n")[1:]]
    return {name.lower(): value for name, _, value in lines}, body


# -- authentication


async def test_basic_authentication(web_server: WebServer, opened: Open) -> None:
    web_server.answer = OK
    credentials = {"username": "shop", "password": "pä:ss"}
    connection = opened(account(web_server.url, credentials, authentication={"kind": "basic"}))
    assert isinstance(await connection.send(message(), SENDER), Accepted)
    headers, _ = parts(web_server.requests[0])
    assert headers["authorization"] == "Basic " + b64encode("shop:pä:ss".encode()).decode()


async def test_a_bearer_token_may_stand_in_any_header(web_server: WebServer, opened: Open) -> None:
    web_server.answer = OK
    authentication = {"kind": "bearer", "header": "X-Api-Key", "prefix": ""}
    connection = opened(account(web_server.url, {"token": "abc"}, authentication=authentication))
    await connection.send(message(), SENDER)
    assert parts(web_server.requests[0])[0]["x-api-key"] == "abc"


async def test_a_signature_is_over_the_exact_body(web_server: WebServer, opened: Open) -> None:
    web_server.answer = OK
    authentication = {"kind": "hmac", "header": "X-Signature", "prefix": "sha256=", "timestamp_header": "X-Time"}
    connection = opened(account(web_server.url, {"signing_key": "kéy"}, authentication=authentication))
    await connection.send(message(), SENDER)
    headers, body = parts(web_server.requests[0])
    signed = headers["x-time"].encode() + b"." + body
    assert headers["x-signature"] == "sha256=" + hmac.new("kéy".encode(), signed, hashlib.sha256).hexdigest()
    assert orjson.loads(body)["to"] == "+447400123456"


OAUTH = {"kind": "oauth2", "scope": "sms"}
CLIENT = {"client_id": "shop", "client_secret": "right secret"}


def oauth(url: str, credentials: dict[str, Any] | None = None, **changes: Any) -> Account:
    authentication = {**OAUTH, "token_url": f"{url}/custom/token", **changes}
    return account(url, credentials or CLIENT, authentication=authentication)


@pytest.mark.parametrize("place", ["basic", "form"])
async def test_a_token_is_asked_for_once_and_used_for_all(simulator: SimulatorClient, opened: Open, place: str) -> None:
    connection = opened(oauth(simulator.url, client_authentication=place))
    await connection.check_credentials()
    outcomes = [await connection.send(message(), SENDER) for _ in range(3)]
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await simulator.accepted_count(account="shop") == 3


async def test_a_token_that_is_refused_is_renewed_and_the_message_sent_once(
    simulator: SimulatorClient, opened: Open
) -> None:
    connection = opened(oauth(simulator.url))
    assert isinstance(await connection.send(message(), SENDER), Accepted)
    await simulator.reset()  # which forgets its tokens
    assert isinstance(await connection.send(message(), SENDER), Accepted)
    assert await simulator.accepted_count() == 1


async def test_a_client_that_is_refused_leaves_the_message_in_the_queue(
    simulator: SimulatorClient, opened: Open
) -> None:
    connection = opened(oauth(simulator.url, {**CLIENT, "client_secret": "bad secret"}))
    with pytest.raises(Unauthenticated, match="token server"):
        await connection.check_credentials()
    outcome = await connection.send(message(), SENDER)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.AUTH


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops",
        b'HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n{"access_token":"a","expires_in":"no"}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"access_token":"a\\n"}',
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_token_server_that_fails_is_no_refusal(web_server: WebServer, opened: Open, answer: bytes) -> None:
    web_server.answer = answer
    connection = opened(oauth(web_server.url))
    with pytest.raises(UpstreamFailed):
        await connection.check_credentials()
    outcome = await connection.send(message(), SENDER)
    assert isinstance(outcome, NotProcessed)
    assert outcome.error.error_class is ErrorClass.NOT_PROCESSED
    assert len(web_server.requests) == 1  # asked once, not for each message


# -- what must go together


@pytest.mark.parametrize(
    ("credentials", "changes", "field"),
    [
        ({}, {}, "credentials.token"),
        ({"username": "a"}, {"authentication": {"kind": "basic"}}, "credentials.password"),
        ({}, {"authentication": {"kind": "hmac", "header": "X-S"}}, "credentials.signing_key"),
        ({"token": "a"}, {"callbacks": {"kind": "basic"}}, "credentials.callback_username"),
        ({"token": "a"}, {"callbacks": {"kind": "header", "header": "X-S"}}, "credentials.callback_secret"),
        ({"token": "a\nb"}, {}, "credentials.token"),
    ],
)
def test_credentials_that_the_configuration_needs_are_named(
    credentials: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        provider("custom").open(
            account("https://gateway.example", credentials, **changes), ConnectionOptions(5.0, None)
        )
    assert refused.value.errors[0].field == field


# -- bad gateways


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "2130706433"])
def test_an_internal_address_is_refused_when_it_is_saved(host: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        provider("custom").open(account(f"http://{host}"), ConnectionOptions(5.0, None))
    (error,) = refused.value.errors
    assert (error.field, error.code) == ("configuration.request.url", "private_address")


async def test_a_name_that_leads_inside_is_refused_when_it_is_saved_and_when_it_is_used(
    web_server: WebServer, opened: Open, names: dict[str, list[str]]
) -> None:
    names["gateway.example"] = ["127.0.0.1"]
    connection = opened(account(f"http://gateway.example:{web_server.port}", polling=None), reachable=())
    with pytest.raises(InvalidInput) as refused:
        await connection.check_credentials()
    assert refused.value.errors[0].code == "private_address"
    outcome = await connection.send(message(), SENDER)
    assert isinstance(outcome, NotProcessed)
    assert (outcome.error.error_class, outcome.error.code) == (ErrorClass.ACCOUNT, "private_address")
    assert web_server.requests == []


async def test_a_host_that_cannot_be_found_is_named(opened: Open) -> None:
    with pytest.raises(InvalidInput, match=r"configuration\.request\.url: names a host that cannot be found"):
        await opened(account("https://nowhere.invalid")).check_credentials()


async def test_a_redirect_inside_is_not_followed(web_server: WebServer, opened: Open) -> None:
    location = f"http://localhost:{web_server.port}/inside".encode()
    web_server.answer = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    outcome = await opened(account(web_server.url)).send(message(), SENDER)
    assert isinstance(outcome, InDoubt)
    assert outcome.error.code == "http_307"
    assert len(web_server.requests) == 1


async def test_an_endless_answer_is_in_doubt(web_server: WebServer, opened: Open) -> None:
    web_server.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    web_server.endless = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    outcome = await opened(account(web_server.url)).send(message(), SENDER)
    assert isinstance(outcome, InDoubt)
    assert outcome.error.code == "answer_too_large"


async def test_an_answer_that_drips_for_ever_is_in_doubt(web_server: WebServer, opened: Open) -> None:
    web_server.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    web_server.endless, web_server.pause = b"1\r\nx\r\n", 0.05
    outcome = await opened(account(web_server.url), timeout=0.3).send(message(), SENDER)
    assert isinstance(outcome, InDoubt)
    assert outcome.error.code == "timeout"


async def test_a_text_that_cannot_be_written_is_refused_without_a_request(web_server: WebServer, opened: Open) -> None:
    request = {"url": web_server.url, "body": {"format": "xml", "text": "<a>{{ body }}</a>"}}
    connection = opened(account(web_server.url, request=request))
    for body in ("control \x01 character", "half \ud83d surrogate"):
        outcome = await connection.send(message(body=body), SENDER)
        assert isinstance(outcome, Refused)
        assert outcome.error.error_class is ErrorClass.CONTENT
    assert web_server.requests == []


# -- polling


async def test_a_status_that_was_not_successful_has_its_error(simulator: SimulatorClient, opened: Open) -> None:
    at_once = Fixed(seconds=0)
    script = Script(
        delivery=Delivery(delivered=0, undelivered={30005: 1}), receipts=Receipts(to_sent=at_once, to_final=at_once)
    )
    await simulator.set_script(script)
    connection = opened(account(simulator.url))
    outcome = await connection.send(message(), SENDER)
    assert isinstance(outcome, Accepted)
    report = await connection.poll(outcome.provider_message_id)
    assert (report.state, report.provider_status) == (MessageState.UNDELIVERED, "UNDELIV")
    assert report.error is not None
    assert (report.error.error_class, report.error.code) == (ErrorClass.DELIVERY, "30005")


async def test_what_the_gateway_does_not_have_is_not_found(simulator: SimulatorClient, opened: Open) -> None:
    connection = opened(account(simulator.url))
    with pytest.raises(NotFound):
        await connection.poll("unknown")
    with pytest.raises(BadRequest):
        await connection.poll("..")


async def test_a_poll_that_fails_says_why(simulator: SimulatorClient, opened: Open) -> None:
    connection = opened(account(simulator.url))
    await simulator.set_script(Script(accounts={"shop": AccountScript(auth_token="another")}))
    with pytest.raises(Unauthenticated):
        await connection.poll("7")
    await simulator.set_script(Script(accounts={"shop": AccountScript(failure=Failure())}))
    with pytest.raises(UpstreamFailed):
        await connection.poll("7")


async def test_a_status_without_a_meaning_is_no_answer(web_server: WebServer, opened: Open) -> None:
    web_server.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"LOST!"}'
    with pytest.raises(UpstreamFailed, match="LOST!"):
        await opened(account(web_server.url)).poll("7")


async def test_a_gateway_without_polling_says_so(opened: Open) -> None:
    with pytest.raises(BadRequest, match=r"configuration\.polling"):
        await opened(account("https://gateway.example", polling=None)).poll("7")
