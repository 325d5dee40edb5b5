"""E-mail from the API to the provider and back: the examples of the pages, simulated providers, callbacks as posted."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.db.engine import Database
from heliograph.providers.protocol import ProviderRequest
from heliograph.secrets import KeyRing
from heliograph.services.context import Services
from heliograph.settings import Settings
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, AnswerKind, Delivery, Rule, Script, SendAnswer
from heliograph.stack.ports import free_port
from tests.api.client import ApiClient
from tests.providers.pages import example_of
from tests.simulator.conftest import receiver
from tests.simulator.process import running_simulator
from tests.simulator.receiver import Receiver

__all__ = ["receiver"]

KEYS = ("smtp", "netcore_email", "falconide")
ACCOUNTS = {"smtp": "shop", "netcore_email": "a-key", "falconide": "a-key"}


@pytest.fixture(scope="module")
def doors() -> Iterator[tuple[str, int]]:
    """The simulator's address, and its port for mail."""
    port = free_port()
    with running_simulator("--smtp-port", str(port)) as url:
        yield url, port


@pytest_asyncio.fixture
async def simulator(doors: tuple[str, int]) -> AsyncIterator[SimulatorClient]:
    """Its client; everything forgotten before the test."""
    async with SimulatorClient(doors[0]) as client:
        await client.reset()
        yield client


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, tmp_path: Path, doors: tuple[str, int]
) -> AsyncIterator[Services]:
    """The doors of a process whose providers are simulated."""
    settings = Settings(
        data_dir=tmp_path,
        provider_check_retry_seconds=0.01,
        simulator_url=doors[0],
        simulator_smtp_port=doors[1],
    )
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


async def connector_of(admin: ApiClient, key: str) -> dict[str, Any]:
    """A connector with a sender, as the page has them."""
    example = example_of(key)
    made = await admin.post("/v1/connectors", json={"provider": key, "channel": "email"})
    assert made.status == 201, made.body
    saved = await admin.put(
        f"/v1/connectors/{made.json()['id']}/credentials",
        json={"credentials": example["credentials"], "configuration": example["configuration"]},
    )
    assert saved.status == 200, saved.body
    connector: dict[str, Any] = saved.json()["connector"]
    sender = {"connector_id": connector["id"], "category": "transactional", **example["sender"]}
    assert (await admin.post("/v1/senders", json=sender)).status == 201
    return connector


async def send(admin: ApiClient, key: str, **changes: Any) -> dict[str, Any]:
    """One mail as the page has it; the provider's verdict."""
    message = {"channel": "email", **example_of(key)["message"], **changes}
    answer = await admin.post("/v1/messages", json={"messages": [message], "mode": "sync"})
    assert answer.status == 202, answer.body
    verdict: dict[str, Any] = answer.json()["items"][0]
    return verdict


async def hand_on(admin: ApiClient, connector: dict[str, Any], requests: list[ProviderRequest]) -> None:
    """Brings what the provider posted to the connector's own address."""
    path = "/callbacks/" + connector["status_url"].partition("/callbacks/")[2]
    for request in requests:
        assert (await admin.call(request.method, path, body=request.body, headers=request.headers)).status == 200


@pytest.mark.parametrize("key", KEYS)
async def test_a_mail_goes_out_and_its_delivery_comes_back(
    admin: ApiClient, simulator: SimulatorClient, receiver: Receiver, key: str
) -> None:
    await simulator.set_script(Script(accounts={ACCOUNTS[key]: AccountScript(callback_url=receiver.url)}))
    connector = await connector_of(admin, key)
    verdict = await send(admin, key)
    assert verdict["state"] == "accepted", verdict
    (taken,) = [each async for each in simulator.accepted_messages()]
    assert (taken.to, taken.sender) == ("ann@example.com", "news@shop.example")
    await receiver.until(lambda requests: any(b"opened" in each.body or b"delivered" in each.body for each in requests))
    await hand_on(admin, connector, receiver.requests)
    trace = (await admin.get(f"/v1/messages/{verdict['id']}")).json()
    assert (trace["state"], trace["channel"], trace["to"]) == ("delivered", "email", "ann@example.com")
    assert [each["provider"] for each in trace["tries"]] == [key]


@pytest.mark.parametrize("key", KEYS)
async def test_a_hard_bounce_ends_the_message_and_suppresses_its_address(
    admin: ApiClient, simulator: SimulatorClient, receiver: Receiver, key: str
) -> None:
    script = AccountScript(callback_url=receiver.url)
    dead = Delivery(delivered=0, undelivered={511: 1})
    await simulator.set_script(Script(accounts={ACCOUNTS[key]: script}, delivery=dead))
    connector = await connector_of(admin, key)
    verdict = await send(admin, key)
    await receiver.until(lambda requests: any(b"5.1.1" in each.body for each in requests))
    await hand_on(admin, connector, [*receiver.requests, *receiver.requests])
    trace = (await admin.get(f"/v1/messages/{verdict['id']}")).json()
    assert trace["state"] == "undelivered"
    assert trace["receipts"][-1]["error_code"] == "5.1.1"
    (suppressed,) = (await admin.get("/v1/suppressions")).json()["items"]
    assert (suppressed["address"], suppressed["reason"], suppressed["sender_id"]) == (
        "ann@example.com",
        "hard_bounce",
        None,
    )
    assert (await send(admin, key))["state"] == "suppressed"
    assert (await send(admin, key, to="bob@example.com"))["state"] == "accepted"


async def test_a_soft_bounce_suppresses_nobody(
    admin: ApiClient, simulator: SimulatorClient, receiver: Receiver
) -> None:
    script = AccountScript(callback_url=receiver.url)
    full = Delivery(delivered=0, undelivered={522: 1})
    await simulator.set_script(Script(accounts={"shop": script}, delivery=full))
    connector = await connector_of(admin, "smtp")
    verdict = await send(admin, "smtp")
    await receiver.until(bool)
    await hand_on(admin, connector, receiver.requests)
    assert (await admin.get(f"/v1/messages/{verdict['id']}")).json()["state"] == "undelivered"
    assert (await admin.get("/v1/suppressions")).json()["items"] == []


async def test_an_address_that_the_relay_refuses_as_dead_is_suppressed(
    admin: ApiClient, simulator: SimulatorClient
) -> None:
    refused = SendAnswer(kind=AnswerKind.ERROR, message="550 5.1.1 <ann@example.com> no such user")
    await simulator.set_script(Script(rules=[Rule(answer=refused)]))
    await connector_of(admin, "smtp")
    verdict = await send(admin, "smtp")
    assert (verdict["state"], verdict["error_class"], verdict["error_code"]) == ("rejected", "recipient", "5.1.1")
    assert (await send(admin, "smtp"))["state"] == "suppressed"


async def test_a_greylisted_mail_waits_in_the_queue(admin: ApiClient, simulator: SimulatorClient) -> None:
    later = SendAnswer(kind=AnswerKind.ERROR, message="451 4.7.1 Greylisted, come back in five minutes")
    await simulator.set_script(Script(rules=[Rule(answer=later)]))
    await connector_of(admin, "smtp")
    verdict = await send(admin, "smtp")
    assert (verdict["state"], verdict["error_code"]) == ("queued", "4.7.1")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": "Hi\r\nBcc: everybody@example.com"}, "subject"),
        ({"subject": " "}, "subject"),
        ({"subject": None}, "subject"),
        ({"to": "ann@example.com\r\nRCPT TO:<x@example.com>"}, "to"),
        ({"to": "+447400123456"}, "to"),
        ({"html": "a\0b"}, "html"),
        ({"headers": {"Bcc": "everybody@example.com"}}, "headers.Bcc"),
        ({"headers": {"X-Any": "a\nBcc: everybody@example.com"}}, "headers.X-Any"),
    ],
)
async def test_what_cannot_be_a_mail_is_refused_with_its_field(
    admin: ApiClient, change: dict[str, Any], field: str
) -> None:
    await connector_of(admin, "smtp")
    message = {"channel": "email", **example_of("smtp")["message"], **change}
    refused = await admin.post("/v1/messages", json={"messages": [message]})
    assert refused.status == 422, refused.body
    assert refused.json()["errors"][0]["field"].endswith(field)


async def test_further_headers_go_along_where_the_provider_has_a_place_for_them(
    admin: ApiClient, simulator: SimulatorClient
) -> None:
    await connector_of(admin, "smtp")
    unsubscribe = "<https://shop.example/unsubscribe?u=17>"
    assert (await send(admin, "smtp", headers={"List-Unsubscribe": unsubscribe}))["state"] == "accepted"
    (taken,) = [each async for each in simulator.accepted_messages()]
    assert f"\r\nList-Unsubscribe: {unsubscribe}\r\n" in taken.body


async def test_an_event_that_names_the_providers_id_alone_suppresses_too(
    admin: ApiClient, simulator: SimulatorClient
) -> None:
    connector = await connector_of(admin, "netcore_email")
    verdict = await send(admin, "netcore_email")
    path = "/callbacks/" + connector["status_url"].partition("/callbacks/")[2]
    event = {"EVENT": "spam", "TRANSID": verdict["provider_message_id"]}
    assert (await admin.call("POST", path, json=[event])).status == 200
    assert (await admin.get(f"/v1/messages/{verdict['id']}")).json()["state"] == "delivered"
    (suppressed,) = (await admin.get("/v1/suppressions")).json()["items"]
    assert (suppressed["address"], suppressed["reason"]) == ("ann@example.com", "opt_out")


async def test_a_test_message_can_be_a_mail(admin: ApiClient, simulator: SimulatorClient) -> None:
    await connector_of(admin, "smtp")
    (sender,) = (await admin.get("/v1/senders")).json()["items"]
    asked = {"to": "ann@example.com", "body": "Does it work?"}
    answer = await admin.post(f"/v1/senders/{sender['id']}/test", json=asked)
    assert answer.status == 200, answer.body
    assert answer.json()["state"] == "accepted"
    assert await simulator.accepted_count(to="ann@example.com") == 1


@pytest.mark.parametrize("key", ["netcore_email", "falconide"])
async def test_a_callback_address_can_be_tried(admin: ApiClient, key: str) -> None:
    connector = await connector_of(admin, key)
    path = "/callbacks/" + connector["status_url"].partition("/callbacks/")[2]
    assert (await admin.call("HEAD", path)).status == 200
    assert (await admin.call("POST", path, body=b"[]")).status == 200
    assert (await admin.call("POST", path, body=b"{")).status == 422


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"{}", b"From: x\r\nContent-Type: multipart/report\r\n\r\n--"])
async def test_no_bytes_posted_as_a_bounce_are_our_fault(admin: ApiClient, body: bytes) -> None:
    connector = await connector_of(admin, "smtp")
    path = "/callbacks/" + connector["status_url"].partition("/callbacks/")[2]
    assert (await admin.call("POST", path, body=body)).status in {200, 422}


async def test_a_wrong_password_is_not_saved(admin: ApiClient) -> None:
    made = (await admin.post("/v1/connectors", json={"provider": "smtp", "channel": "email"})).json()
    asked = {"credentials": {"username": "shop", "password": "bad one"}, "configuration": {"host": "relay.example"}}
    refused = await admin.put(f"/v1/connectors/{made['id']}/credentials", json=asked)
    assert refused.status == 401


async def test_a_connector_of_another_channel_is_refused(admin: ApiClient) -> None:
    refused = await admin.post("/v1/connectors", json={"provider": "smtp", "channel": "sms"})
    assert refused.status == 422
    assert refused.json()["errors"][0]["field"] == "channel"
