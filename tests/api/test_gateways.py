"""Connectors of gateways by the API: what has to be configured, what is refused, and their unsigned callbacks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.db.engine import Database
from heliograph.secrets import KeyRing
from heliograph.services.context import Services
from heliograph.settings import Settings
from tests.api.client import ApiClient
from tests.providers.pages import KEYS, example_of
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, tmp_path: Path, simulator_url: str
) -> AsyncIterator[Services]:
    """The doors of a process whose providers are simulated."""
    settings = Settings(data_dir=tmp_path, provider_check_retry_seconds=0.01, simulator_url=simulator_url)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


async def _create(admin: ApiClient, key: str) -> dict[str, Any]:
    created = await admin.post("/v1/connectors", json={"provider": key, "channel": "sms"})
    assert created.status == 201, created.body
    connector: dict[str, Any] = created.json()
    return connector


async def _authenticated(admin: ApiClient, key: str) -> dict[str, Any]:
    connector, example = await _create(admin, key), example_of(key)
    asked = {"credentials": example["credentials"], "configuration": example["configuration"]}
    saved = await admin.put(f"/v1/connectors/{connector['id']}/credentials", json=asked)
    assert saved.status == 200, saved.body
    authenticated: dict[str, Any] = saved.json()["connector"]
    return authenticated


@pytest.mark.parametrize("key", KEYS)
async def test_the_example_of_its_page_is_taken_and_its_secrets_are_never_shown(admin: ApiClient, key: str) -> None:
    connector, example = await _authenticated(admin, key), example_of(key)
    shown = (await admin.get(f"/v1/connectors/{connector['id']}")).body
    for name, secret in example["credentials"].items():
        if name not in {"user_id", "account_sid", "username", "callback_username"}:
            assert secret.encode() not in shown
    sender = {"connector_id": connector["id"], "category": "promotional", **example["sender"]}
    assert (await admin.post("/v1/senders", json=sender)).status == 201
    wrong = await admin.post("/v1/senders", json={**sender, "address": "no header!"})
    assert wrong.status == 400
    assert [error["field"] for error in wrong.json()["errors"]] == ["address"]


@pytest.mark.parametrize(("key", "field"), [("kaleyra", "region"), ("telspiel", "reply"), ("times_internet", "reply")])
async def test_what_the_provider_alone_can_tell_is_asked_for(admin: ApiClient, key: str, field: str) -> None:
    connector = await _create(admin, key)
    address = f"/v1/connectors/{connector['id']}/credentials"
    credentials = {"credentials": example_of(key)["credentials"]}
    for asked in (credentials, {**credentials, "configuration": {}}):
        refused = await admin.put(address, json=asked)
        assert refused.status == 422
        (error,) = refused.json()["errors"]
        assert error["field"] == "configuration"
        assert error["rule"].startswith(f"{field} has to be configured")
        assert "ask your account manager" in error["rule"]


@pytest.mark.parametrize(
    ("key", "change", "field"),
    [
        ("gupshup", {"dlt": {"entity_id": "eleven"}}, "configuration.dlt.entity_id"),
        ("kaleyra", {"region": "us"}, "configuration.region"),
        ("netcore", {"message_id": "MID"}, "configuration.message_id"),
        ("telspiel", {"url": "file:///etc/passwd"}, "configuration.url"),
        ("telspiel", {"reply": {"format": "json"}}, "configuration.reply"),
        ("times_internet", {"receipts": {"id": "x", "status": "y"}}, "configuration.receipts.states"),
    ],
)
async def test_a_broken_configuration_names_its_field(
    admin: ApiClient, key: str, change: dict[str, Any], field: str
) -> None:
    connector, example = await _create(admin, key), example_of(key)
    asked = {"credentials": example["credentials"], "configuration": {**example["configuration"], **change}}
    refused = await admin.put(f"/v1/connectors/{connector['id']}/credentials", json=asked)
    assert refused.status == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]


@pytest.mark.parametrize(("key", "secret"), [("gupshup", "password"), ("kaleyra", "api_key")])
async def test_wrong_credentials_are_refused_and_can_be_followed_by_right_ones(
    admin: ApiClient, key: str, secret: str
) -> None:
    connector, example = await _create(admin, key), example_of(key)
    address = f"/v1/connectors/{connector['id']}/credentials"
    wrong = {**example["credentials"], secret: "bad-secret"}
    refused = await admin.put(address, json={"credentials": wrong, "configuration": example["configuration"]})
    assert refused.status == 401
    right = {"credentials": example["credentials"], "configuration": example["configuration"]}
    assert (await admin.put(address, json=right)).status == 200


@pytest.mark.parametrize(
    ("key", "query"),
    [
        ("gupshup", "externalId=1-1&status=FAILED&errCode=003"),
        ("netcore", "reqid=7&status=DELIVERED"),
        ("telspiel", "reqid=7&custref=Test&status=DELIVRD"),
        ("times_internet", "txid=7&deliverystatus=DELIVERED"),
    ],
)
async def test_unsigned_callbacks_are_taken_at_the_secret_address_alone(
    admin: ApiClient, client: ApiClient, key: str, query: str
) -> None:
    connector = await _authenticated(admin, key)
    door = "/callbacks/" + connector["status_url"].partition("/callbacks/")[2]
    assert (await client.call("HEAD", door)).status == 200
    assert (await client.get(f"{door}?{query}")).status == 200
    assert (await client.get(f"{door}?{query.replace('status=', 'other=')}")).status == 422
    assert (await client.post(door, body=b"<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>")).status == 422
    assert (await client.get(f"/callbacks/{'x' * 32}/status?{query}")).status == 404


async def test_a_password_in_kaleyras_callback_profile_is_checked(admin: ApiClient, client: ApiClient) -> None:
    connector = await _authenticated(admin, "kaleyra")
    door = "/callbacks/" + connector["status_url"].partition("/callbacks/")[2]
    report = {"id": "d0b238ef-0dd5-4c82-8b9b-ec22b1f6040e:1", "status": "Delivered"}
    assert (await client.post(door, json=report)).status == 403
    authorized = client.having({"Authorization": "Basic a2FsZXlyYTphLXBhc3N3b3JkLWZvci1jYWxsYmFja3M="})
    assert (await authorized.post(door, json=report)).status == 200


async def test_inbound_messages_are_refused_until_their_fields_are_known(admin: ApiClient, client: ApiClient) -> None:
    connector = await _authenticated(admin, "netcore")
    door = "/callbacks/" + connector["inbound_url"].partition("/callbacks/")[2]
    refused = await client.get(f"{door}?from=919812345678&text=STOP")
    assert refused.status == 422
    assert refused.json()["errors"][0]["field"] == "configuration.inbound"
    told = {"inbound": {"address": "from", "to": "shortcode", "body": "text"}}
    configuration = {**example_of("netcore")["configuration"], **told}
    changed = await admin.patch(f"/v1/connectors/{connector['id']}", json={"configuration": configuration})
    assert changed.status == 200
