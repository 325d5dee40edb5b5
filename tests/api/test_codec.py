from base64 import b64decode, b64encode
from typing import Any

import pytest
from fastapi import FastAPI
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import Payload, Payloads

from api.app import create_app
from heliograph.services.context import Services
from heliograph.temporal.codec import EncryptionCodec
from tests.api.client import ApiClient

UI = {"Origin": "http://127.0.0.1:8233"}
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"run_id":"17"}')


async def sealed(services: Services) -> list[dict[str, Any]]:
    encoded = await EncryptionCodec(services.key_ring).encode([PLAIN])
    payloads: list[dict[str, Any]] = MessageToDict(Payloads(payloads=encoded))["payloads"]
    return payloads


async def test_the_ui_on_the_laptop_reads_payloads(services: Services, client: ApiClient) -> None:
    answer = await client.post("/codec/decode", json={"payloads": await sealed(services)}, headers=UI)

    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == UI["Origin"]
    (payload,) = answer.json()["payloads"]
    assert b64decode(payload["data"]) == PLAIN.data
    assert b64decode(payload["metadata"]["encoding"]) == b"json/plain"


async def test_payloads_that_are_not_ours_pass_through(client: ApiClient) -> None:
    payloads = MessageToDict(Payloads(payloads=[PLAIN]))["payloads"]
    answer = await client.post("/codec/decode", json={"payloads": payloads}, headers=UI)
    assert answer.json()["payloads"] == payloads
    assert (await client.post("/codec/decode", json={"payloads": []}, headers=UI)).json() == {"payloads": []}


async def test_the_ui_may_ask_before_it_calls_and_other_pages_may_not(client: ApiClient) -> None:
    allowed = await client.call("OPTIONS", "/codec/decode", headers=UI)
    other = await client.call("OPTIONS", "/codec/decode", headers={"Origin": "https://evil.example"})
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, UI["Origin"])
    assert "x-namespace" in allowed.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {**UI, "X-Forwarded-For": "203.0.113.7"}, {**UI, "Forwarded": "for=_x"}],
)
async def test_without_a_key_nobody_but_the_laptops_ui_reads(client: ApiClient, headers: dict[str, str]) -> None:
    assert (await client.post("/codec/decode", json={"payloads": []}, headers=headers)).status == 401


async def test_from_another_machine_the_uis_origin_is_not_enough(app: FastAPI, client: ApiClient) -> None:
    far = ApiClient(app, {}, address="203.0.113.7")
    assert (await far.post("/codec/decode", json={"payloads": []}, headers=UI)).status == 401


async def test_on_a_server_the_uis_origin_is_not_enough(services: Services) -> None:
    settings = services.settings.model_copy(update={"public_url": "https://sms.example"})
    app = create_app(Services(settings, services.database, services.key_ring, services.temporal))
    assert (await ApiClient(app, {}).post("/codec/decode", json={"payloads": []}, headers=UI)).status == 401


async def test_roles_decide_who_reads_with_a_key(
    owner: ApiClient, admin: ApiClient, developer: ApiClient, marketer: ApiClient, viewer: ApiClient
) -> None:
    statuses = [
        (await each.post("/codec/decode", json={"payloads": []})).status
        for each in (owner, admin, developer, marketer, viewer)
    ]
    assert statuses == [200, 200, 200, 403, 403]


@pytest.mark.parametrize(
    "payload",
    [
        {"data": "not base64!"},
        {"nonsense": 1},
        {"metadata": {"encoding": b64encode(b"binary/heliograph-aes-gcm").decode()}},
        {"metadata": {"encoding": b64encode(b"binary/heliograph-aes-gcm").decode()}, "data": "BHRlc3RBQUFB"},
    ],
)
async def test_what_cannot_be_opened_is_refused(owner: ApiClient, payload: dict[str, Any]) -> None:
    answer = await owner.post("/codec/decode", json={"payloads": [payload]})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "payloads")
