from typing import Any

import pytest

from heliograph.db.tables import Connector, Workspace
from heliograph.domain.vocabulary import Role
from heliograph.services.context import Services
from tests.api.client import ApiClient
from tests.api.conftest import HeaderMaker

URL = "https://shop.example/hook"


async def created(admin: ApiClient, **rest: Any) -> Any:
    answer = await admin.post("/v1/webhooks", json={"url": URL, **rest})
    assert answer.status == 201, answer.json()
    return answer.json()


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(admin: ApiClient) -> None:
    made = await created(admin, kinds=["message", "campaign"], strategy="on-completion", description="shop")
    assert made["secret"].startswith("hgw_")
    webhook = made["webhook"]
    assert (webhook["url"], webhook["strategy"], webhook["by_request"]) == (URL, "on-completion", False)
    assert webhook["kinds"] == ["campaign", "message"]
    shown = (await admin.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert shown == webhook
    assert "secret" not in shown
    assert (await admin.get("/v1/webhooks")).json()["items"] == [webhook]


async def test_a_repeated_creation_answers_with_the_same_webhook_and_secret(admin: ApiClient) -> None:
    first, second = [
        (await admin.post("/v1/webhooks", json={"url": URL}, headers={"Idempotency-Key": "1"})).json() for _ in range(2)
    ]
    assert first == second
    assert len((await admin.get("/v1/webhooks")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"url": "ftp://shop.example"}, "url", "begins with https:// or http://"),
        ({"url": "https://user:word@shop.example"}, "url", "no user name or password"),
        ({"url": "http://127.0.0.1/hook"}, "url", "private or local address"),
        ({"url": "http://[::ffff:10.0.0.1]/hook"}, "url", "private or local address"),
        ({"url": "http://localhost:8080"}, "url", "private or local address"),
        ({"url": "https://shop.example/#here"}, "url", "fragment"),
        ({"url": "https://shop.example/a b"}, "url", "no spaces"),
        ({"url": "nonsense"}, "url", "is not an address"),
        ({"url": URL, "kinds": []}, "kinds", "at least 1"),
        ({"url": URL, "kinds": ["weather"]}, "kinds.0", "'message' or 'campaign'"),
        ({"url": URL, "strategy": "sometimes"}, "strategy", "'on-change' or 'on-completion'"),
    ],
)
async def test_what_is_wrong_is_named_with_field_and_rule(
    admin: ApiClient, body: dict[str, Any], field: str, rule: str
) -> None:
    answer = await admin.post("/v1/webhooks", json=body)
    assert answer.status == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert rule in error["rule"]


async def test_a_webhook_is_changed_and_deleted(admin: ApiClient, owner: ApiClient) -> None:
    webhook_id = (await created(admin))["webhook"]["id"]
    changed = await admin.patch(f"/v1/webhooks/{webhook_id}", json={"url": URL + "/2", "strategy": "on-completion"})
    assert (changed.json()["url"], changed.json()["strategy"], changed.json()["kinds"]) == (
        *(URL + "/2", "on-completion", ["message"]),
    )
    assert (await admin.delete(f"/v1/webhooks/{webhook_id}")).status == 204
    assert (await admin.get(f"/v1/webhooks/{webhook_id}")).status == 404
    entries = (await owner.get("/v1/audit-entries")).json()["items"]
    assert [entry["action"] for entry in entries[:3]] == ["webhook.delete", "webhook.update", "webhook.create"]


async def test_a_rotation_shows_a_new_secret(admin: ApiClient) -> None:
    made = await created(admin)
    rotated = await admin.post(f"/v1/webhooks/{made['webhook']['id']}/rotate-secret")
    assert rotated.status == 200
    assert rotated.json()["secret"] not in ("", made["secret"])


async def test_without_dead_letters_there_is_nothing_to_replay(admin: ApiClient) -> None:
    webhook_id = (await created(admin))["webhook"]["id"]
    assert (await admin.get(f"/v1/webhooks/{webhook_id}/dead-letters")).json() == {"items": [], "next": None}
    assert (await admin.post(f"/v1/webhooks/{webhook_id}/replay", json={})).json() == {"replayed": 0}


@pytest.mark.parametrize("role", [Role.MARKETER, Role.DEVELOPER, Role.VIEWER])
async def test_only_who_manages_settings_makes_webhooks(
    client: ApiClient, headers_of: HeaderMaker, workspace: Workspace, role: Role
) -> None:
    caller = client.having(await headers_of(role, workspace))
    assert (await caller.post("/v1/webhooks", json={"url": URL})).status == 403
    assert (await caller.get("/v1/webhooks")).status == 200


# -- asked for by requests


async def test_a_message_asks_for_its_own_callback(
    admin: ApiClient, services: Services, authenticated: Connector
) -> None:
    sender = {"connector_id": str(authenticated.id), "kind": "long_code", "address": "+14155550100"}
    assert (await admin.post("/v1/senders", json={**sender, "category": "transactional"})).status == 201
    callback = {"url": f"{URL}?order=17", "strategy": "on-completion"}
    messages = [
        {"to": "+14155550123", "body": "Hello", "callback": callback},
        {"to": "+14155550124", "body": "Hello", "callback": {**callback, "url": "https://shop.example/other"}},
        {"to": "+14155550125", "body": "Hello"},
    ]
    first, second = [
        await admin.post("/v1/messages", json={"messages": messages}, headers={"Idempotency-Key": "2"})
        for _ in range(2)
    ]
    assert first.status == second.status == 202
    (webhook,) = (await admin.get("/v1/webhooks")).json()["items"]
    assert (webhook["url"], webhook["by_request"], webhook["kinds"]) == ("https://shop.example:443", True, [])
    assert (await admin.patch(f"/v1/webhooks/{webhook['id']}", json={"url": URL})).status == 409
    message_id = first.json()["items"][0]["id"]
    assert (await admin.post(f"/v1/messages/{message_id}/cancel")).status == 204
    rows = await services.database.pool.fetch("SELECT subject, url, strategy::text FROM webhook_delivery")
    assert [(str(row["subject"]), row["url"], row["strategy"]) for row in rows] == [(message_id, *callback.values())]


async def test_a_message_with_a_private_callback_is_refused_whole(
    admin: ApiClient, services: Services, authenticated: Connector
) -> None:
    sender = {"connector_id": str(authenticated.id), "kind": "long_code", "address": "+14155550100"}
    await admin.post("/v1/senders", json={**sender, "category": "transactional"})
    messages = [
        {"to": "+14155550123", "body": "Hello"},
        {"to": "+14155550124", "body": "Hello", "callback": {"url": "http://10.0.0.1/"}},
    ]
    answer = await admin.post("/v1/messages", json={"messages": messages})
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == "messages.1.callback.url"
    assert await services.database.pool.fetchval("SELECT count(*) FROM message") == 0


async def test_a_campaign_keeps_its_callbacks_and_refuses_private_ones(admin: ApiClient) -> None:
    callbacks = {
        "callback": {"url": URL, "strategy": "on-change"},
        "campaign_callback": {"url": URL, "strategy": "on-completion"},
    }
    made = await admin.post("/v1/campaigns", json={"name": "Spring", **callbacks})
    assert made.status == 201
    assert {name: made.json()["settings"][name] for name in callbacks} == callbacks
    change = {"campaign_callback": {"url": "http://169.254.169.254/"}}
    refused = await admin.patch(f"/v1/campaigns/{made.json()['id']}", json=change)
    assert refused.status == 422
    assert refused.json()["errors"][0]["field"] == "campaign_callback.url"
