"""Custom connectors by API: saved with errors that name field and rule, and tried without showing a secret."""

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
from heliograph.simulator.client import SimulatorClient
from tests.api.client import ApiClient
from tests.providers.custom.gateway import CREDENTIALS, KEY, configuration
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]

MESSAGE = {"to": "+447400123456", "body": "Does it work?", "sender": "ACME"}


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, tmp_path: Path, simulator: SimulatorClient
) -> AsyncIterator[Services]:
    """The doors of a process that may reach the simulated gateway."""
    host = simulator.url.removeprefix("http://")
    settings = Settings(data_dir=tmp_path, provider_check_retry_seconds=0.01, reachable_hosts=(host,))
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


async def add(client: ApiClient, **fields: Any) -> str:
    added = await client.post("/v1/connectors", json={"provider": "custom", **fields})
    assert added.status == 201, added.body
    connector_id: str = added.json()["id"]
    return connector_id


async def authenticated(client: ApiClient, url: str, **changes: Any) -> str:
    connector_id = await add(client, configuration=configuration(url, **changes))
    saved = await client.put(f"/v1/connectors/{connector_id}/credentials", json={"credentials": CREDENTIALS})
    assert saved.status == 200, saved.body
    return connector_id


async def test_a_connector_is_tried_and_nothing_secret_is_shown(admin: ApiClient, simulator: SimulatorClient) -> None:
    connector_id = await authenticated(admin, simulator.url)
    tried = await admin.post(f"/v1/connectors/{connector_id}/try", json=MESSAGE)

    assert tried.status == 200
    answer = tried.json()
    assert (answer["verdict"], answer["error_code"]) == ("accepted", None)
    assert answer["request"]["headers"]["Authorization"] == "•••"
    assert answer["answer"]["status"] == 202
    assert answer["provider_message_id"] in answer["answer"]["body"]
    assert await simulator.accepted_count() == 1
    shown = tried.body + (await admin.get("/v1/connectors")).body + (await admin.get("/v1/audit-entries")).body
    assert KEY.encode() not in shown
    assert b"callback-secret" not in shown


async def test_another_configuration_is_tried_without_being_saved(admin: ApiClient, simulator: SimulatorClient) -> None:
    connector_id = await authenticated(admin, simulator.url)
    request = {"url": f"{simulator.url}/custom/messages", "body": {"format": "json", "document": {"to": "{{ to }}"}}}
    body = {**MESSAGE, "configuration": configuration(simulator.url, request=request)}
    answer = (await admin.post(f"/v1/connectors/{connector_id}/try", json=body)).json()

    assert (answer["verdict"], answer["error_class"], answer["error_code"]) == ("refused", "sender", "bad_sender")
    kept = (await admin.get(f"/v1/connectors/{connector_id}")).json()["configuration"]
    assert "text" in kept["request"]["body"]["document"]


async def test_a_repeated_try_sends_once(admin: ApiClient, simulator: SimulatorClient) -> None:
    connector_id = await authenticated(admin, simulator.url)
    repeated = admin.having({"Idempotency-Key": "once"})
    first = await repeated.post(f"/v1/connectors/{connector_id}/try", json=MESSAGE)
    again = await repeated.post(f"/v1/connectors/{connector_id}/try", json=MESSAGE)

    assert (first.status, again.status) == (200, 200)
    assert first.json() == again.json()
    assert await simulator.accepted_count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**MESSAGE, "to": "nobody"}, 422, "not_a_number"),
        ({**MESSAGE, "sender": "\x01"}, 422, "invalid"),
        ({"to": "+447400123456", "body": "x"}, 422, "missing"),
        ({**MESSAGE, "configuration": {}}, 422, "missing"),
    ],
)
async def test_what_cannot_be_tried_is_refused_by_field(
    admin: ApiClient, simulator: SimulatorClient, body: dict[str, Any], status: int, code: str
) -> None:
    connector_id = await authenticated(admin, simulator.url)
    refused = await admin.post(f"/v1/connectors/{connector_id}/try", json=body)
    assert (refused.status, refused.json()["errors"][0]["code"]) == (status, code)
    assert await simulator.accepted_count() == 0


async def test_only_who_manages_settings_may_try(
    admin: ApiClient, developer: ApiClient, simulator: SimulatorClient
) -> None:
    connector_id = await authenticated(admin, simulator.url)
    assert (await developer.post(f"/v1/connectors/{connector_id}/try", json=MESSAGE)).status == 403


async def test_a_connector_without_credentials_cannot_be_tried(admin: ApiClient, simulator: SimulatorClient) -> None:
    connector_id = await add(admin, configuration=configuration(simulator.url))
    refused = await admin.post(f"/v1/connectors/{connector_id}/try", json=MESSAGE)
    assert (refused.status, refused.json()["code"]) == (409, "connector_not_authenticated")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        (
            {"request": {"url": "https://gateway.example", "query": {"t": "{{ phone }}"}}},
            "configuration.request.query.t",
            "there is no placeholder",
        ),
        ({"answer": {"id": {"kind": "json", "path": "a["}}}, "configuration.answer.id.json.path", "JMESPath"),
        ({"answer": {"id": {"kind": "xml", "path": "/a["}}}, "configuration.answer.id.xml.path", "path"),
        ({"receipts": {"status": "s"}}, "configuration.receipts.states", "required"),
    ],
)
async def test_a_configuration_that_cannot_work_is_not_saved(
    admin: ApiClient, simulator: SimulatorClient, changes: dict[str, Any], field: str, words: str
) -> None:
    broken = configuration(simulator.url, **changes)
    for refused in (
        await admin.post("/v1/connectors", json={"provider": "custom", "configuration": broken}),
        await admin.patch(f"/v1/connectors/{await add(admin)}", json={"configuration": broken}),
    ):
        (error, *_) = refused.json()["errors"]
        assert (refused.status, error["field"]) == (422, field)
        assert words in error["rule"]


async def test_an_internal_address_is_not_saved(admin: ApiClient, simulator: SimulatorClient) -> None:
    connector_id = await authenticated(admin, simulator.url)
    inside = configuration("http://127.0.0.1:1")
    for refused in (
        await admin.patch(f"/v1/connectors/{connector_id}", json={"configuration": inside}),
        await admin.put(
            f"/v1/connectors/{connector_id}/credentials", json={"credentials": CREDENTIALS, "configuration": inside}
        ),
        await admin.post(f"/v1/connectors/{connector_id}/try", json={**MESSAGE, "configuration": inside}),
    ):
        (error,) = refused.json()["errors"]
        assert (refused.status, error["code"]) == (422, "private_address")
        assert error["field"] == "configuration.request.url"


async def test_named_secrets_are_kept_and_never_shown(admin: ApiClient, simulator: SimulatorClient) -> None:
    request = {"url": f"{simulator.url}/custom/messages", "headers": {"X-Key": "{{ secrets.api_key }}"}}
    connector_id = await add(admin, configuration=configuration(simulator.url, request=request))
    credentials = {**CREDENTIALS, "secrets": {"api_key": "very secret"}}
    saved = await admin.put(f"/v1/connectors/{connector_id}/credentials", json={"credentials": credentials})
    tried = await admin.post(f"/v1/connectors/{connector_id}/try", json=MESSAGE)

    assert saved.status == 200, saved.body
    assert tried.json()["request"]["headers"]["X-Key"] == "•••"
    assert b"very secret" not in saved.body + tried.body
