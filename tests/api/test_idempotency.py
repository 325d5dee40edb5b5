import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heliograph.db.idempotency import delete_expired_keys
from heliograph.db.tables import Connector, Workspace
from heliograph.domain.vocabulary import Category, Role, WorkspaceMode
from heliograph.services.api_keys import create_api_key
from heliograph.services.context import Actor, IdempotentRequest, Services
from heliograph.services.senders import create_sender
from heliograph.services.workspaces import create_workspace
from tests.api.client import Answer, ApiClient
from tests.api.simulated_twilio import LONG_CODE

KEY = {"Idempotency-Key": "order-17"}


class ProcessDied(Exception):
    """Stands for the end of the process: nothing after it runs."""


def new_sender(connector: Connector, **fields: Any) -> dict[str, Any]:
    body = {"connector_id": str(connector.id), "kind": "long_code", "address": LONG_CODE, "category": "promotional"}
    return {**body, **fields}


async def count(services: Services, table: str) -> int:
    async with services.database.pool.acquire() as connection:
        number: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
    return number


async def test_a_repeated_call_gets_the_stored_answer_and_does_nothing(
    services: Services, admin: ApiClient, authenticated: Connector
) -> None:
    first = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)
    sender = first.json()["sender"]
    await admin.patch(f"/v1/senders/{sender['id']}", json={"name": "Renamed since"})

    second = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)

    assert (first.status, second.status) == (201, 201)
    assert second.json() == first.json()
    assert "idempotent-replay" not in first.headers
    assert second.headers["idempotent-replay"] == "true"
    assert await count(services, "sender") == 1


async def test_the_same_key_with_another_request_is_refused(admin: ApiClient, authenticated: Connector) -> None:
    await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)

    other_body = await admin.post("/v1/senders", json=new_sender(authenticated, name="x"), headers=KEY)
    other_path = await admin.post("/v1/connectors", json={"provider": "twilio"}, headers=KEY)

    assert [(answer.status, answer.json()["code"]) for answer in (other_body, other_path)] == [
        (422, "idempotency_key_reused")
    ] * 2


async def test_calls_at_once_with_one_key_make_one_sender(
    services: Services, admin: ApiClient, authenticated: Connector
) -> None:
    async def call() -> Answer:
        return await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)

    answers = await asyncio.gather(*(call() for _ in range(6)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.json()["sender"]["id"] for answer in answers}) == 1
    assert sum("idempotent-replay" not in answer.headers for answer in answers) == 1
    assert await count(services, "sender") == 1


async def test_calls_at_once_with_one_key_make_one_thing_where_no_other_rule_would_stop_them(
    services: Services, admin: ApiClient, connector: Connector
) -> None:
    calls = [admin.post("/v1/connectors", json={"provider": "twilio"}, headers=KEY) for _ in range(6)]
    answers = await asyncio.gather(*calls)

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert await count(services, "connector") == 2


async def test_a_process_that_died_after_its_commit_still_answers_the_retry(
    services: Services, admin: ApiClient, authenticated: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise ProcessDied

    with monkeypatch.context() as patched:
        patched.setattr("api.idempotency.store_answer", die)
        lost = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)
    assert lost.status == 500
    assert await count(services, "sender") == 1

    retried = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)
    again = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)

    assert (retried.status, retried.headers["idempotent-replay"]) == (201, "true")
    assert retried.json()["message"] == "Settings updated Successfully"
    assert again.json() == retried.json()
    assert await count(services, "sender") == 1


async def test_a_connection_that_broke_before_the_commit_leaves_the_key_free(
    services: Services, authenticated: Connector, workspace: Workspace, admin: ApiClient
) -> None:
    """The backend is killed while the change waits to be made; the retry makes it."""
    async with services.database.transaction() as blocker:
        await blocker.execute("SELECT 1 FROM workspace WHERE id = $1 FOR UPDATE", workspace.id)
        call = asyncio.ensure_future(admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY))
        killed = 0
        while not killed:
            await asyncio.sleep(0.01)
            killed = await blocker.fetchval(
                """
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
        broken = await call

    assert (broken.status, broken.headers["content-type"]) == (503, "application/problem+json")
    assert await count(services, "idempotency_key") == 0
    retried = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)
    assert retried.status == 201
    assert "idempotent-replay" not in retried.headers


async def test_a_key_shown_once_is_shown_again_to_its_own_retry(services: Services, owner: ApiClient) -> None:
    body = {"name": "shop", "role": "developer"}
    first = await owner.post("/v1/api-keys", json=body, headers=KEY)
    second = await owner.post("/v1/api-keys", json=body, headers=KEY)

    assert second.json()["key"] == first.json()["key"]
    async with services.database.pool.acquire() as connection:
        row = await connection.fetchrow("SELECT secret, body FROM idempotency_key")
    assert first.json()["key"].encode() not in row["secret"] + row["body"]


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/workspaces"])
async def test_a_key_shown_once_survives_the_death_of_the_process(
    owner: ApiClient, client: ApiClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def die(*_: object) -> None:
        raise ProcessDied

    body = {"name": "shop", "role": "developer", "mode": "test"}
    with monkeypatch.context() as patched:
        patched.setattr("api.idempotency.store_answer", die)
        assert (await owner.post(path, json=body, headers=KEY)).status == 500

    answer = (await owner.post(path, json=body, headers=KEY)).json()

    key = answer.get("key") or answer["owner_key"]
    current = await client.get("/v1/workspaces/current", headers={"Authorization": f"Bearer {key}"})
    assert current.status == 200


async def test_a_refused_call_leaves_the_key_free(admin: ApiClient, authenticated: Connector) -> None:
    refused = await admin.post("/v1/senders", json=new_sender(authenticated, address="12"), headers=KEY)
    accepted = await admin.post("/v1/senders", json=new_sender(authenticated), headers=KEY)
    assert (refused.status, accepted.status) == (400, 201)


async def test_keys_of_two_workspaces_do_not_meet(
    services: Services, owner: ApiClient, client: ApiClient, workspace: Workspace
) -> None:
    _, key = await create_workspace(
        services, Actor(workspace.id, Role.OWNER, "test"), name="Other", mode=WorkspaceMode.TEST
    )
    other = client.having({"Authorization": f"Bearer {key.text}"})
    body = {"provider": "twilio"}

    answers = [await each.post("/v1/connectors", json=body, headers=KEY) for each in (owner, other)]

    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert all("idempotent-replay" not in answer.headers for answer in answers)


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
async def test_a_malformed_key_is_refused(admin: ApiClient, key: str) -> None:
    answer = await admin.post("/v1/connectors", json={"provider": "twilio"}, headers={"Idempotency-Key": key})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


async def test_an_expired_key_can_be_used_anew_and_is_swept(
    services: Services, admin: ApiClient, connector: Connector
) -> None:
    body = {"provider": "twilio"}
    first = await admin.post("/v1/connectors", json=body, headers=KEY)
    async with services.database.pool.acquire() as connection:
        await connection.execute("UPDATE idempotency_key SET created_at = now() - interval '25 hours'")

    second = await admin.post("/v1/connectors", json=body, headers=KEY)

    assert second.json()["id"] != first.json()["id"]
    assert await delete_expired_keys(services.database) == 0
    assert await delete_expired_keys(services.database, older_than=timedelta(0)) == 1


async def test_without_a_key_every_call_counts(services: Services, admin: ApiClient, connector: Connector) -> None:
    for _ in range(2):
        await admin.post("/v1/connectors", json={"provider": "twilio"})
    assert await count(services, "connector") == 3
    assert await count(services, "idempotency_key") == 0


async def test_only_the_first_change_of_a_unit_of_work_takes_the_key(
    services: Services, authenticated: Connector
) -> None:
    actor = replace(
        Actor(authenticated.workspace_id, Role.OWNER, "test"),
        idempotency=IdempotentRequest("k", lambda: b"digest", 201),
    )
    sender = await create_sender(
        services,
        actor,
        connector_id=authenticated.id,
        kind="long_code",
        address=LONG_CODE,
        category=Category.OTP,
    )
    async with services.database.pool.acquire() as connection:
        assert await connection.fetchval("SELECT noun_id FROM idempotency_key") == sender.id
    await create_api_key(services, replace(actor, idempotency=None), "another", Role.VIEWER)
    assert await count(services, "idempotency_key") == 1
