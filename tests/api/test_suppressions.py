"""Suppressions through the API."""

import asyncio
from uuid import uuid4

import pytest

from heliograph.db.tables import Connector
from tests.api.client import ApiClient
from tests.api.simulated_twilio import LONG_CODE

PERSON = "+447400123456"


async def test_an_address_is_suppressed_once_however_it_is_written(marketer: ApiClient) -> None:
    first = await marketer.post("/v1/suppressions", json={"address": "+44 7400 123456"})
    second = await marketer.post("/v1/suppressions", json={"address": PERSON})
    assert (first.status, second.status) == (201, 201)
    assert first.json() == second.json()
    assert (first.json()["address"], first.json()["reason"], first.json()["sender_id"]) == (PERSON, "manual", None)
    assert (await marketer.get(f"/v1/suppressions/{first.json()['id']}")).json() == first.json()


async def test_many_at_once_make_one(marketer: ApiClient) -> None:
    answers = await asyncio.gather(*(marketer.post("/v1/suppressions", json={"address": PERSON}) for _ in range(8)))
    assert {(answer.status, answer.json()["id"]) for answer in answers} == {(201, answers[0].json()["id"])}


async def test_a_repeated_request_with_its_key_is_answered_alike(marketer: ApiClient) -> None:
    keyed = marketer.having({"Idempotency-Key": "one"})
    first = await keyed.post("/v1/suppressions", json={"address": PERSON})
    second = await keyed.post("/v1/suppressions", json={"address": PERSON})
    assert first.json() == second.json()
    assert second.headers["idempotent-replay"] == "true"


async def test_suppressions_are_listed_in_pages_and_by_address_channel_and_reason(marketer: ApiClient) -> None:
    for number in range(3):
        await marketer.post("/v1/suppressions", json={"address": f"+44740012345{number}"})
    await marketer.post("/v1/suppressions", json={"address": "ada@example.com", "channel": "email"})
    page = (await marketer.get("/v1/suppressions", query={"limit": 3})).json()
    assert [each["address"] for each in page["items"]] == ["ada@example.com", "+447400123452", "+447400123451"]
    rest = (await marketer.get("/v1/suppressions", query={"after": page["next"]})).json()
    assert [each["address"] for each in rest["items"]] == ["+447400123450"]
    for query, count in (
        ({"address": "+447400123451"}, 1),
        ({"channel": "email"}, 1),
        ({"reason": "manual"}, 4),
        ({"reason": "opt_out"}, 0),
    ):
        assert len((await marketer.get("/v1/suppressions", query=query)).json()["items"]) == count


async def test_one_sender_alone_can_be_kept_from_an_address(
    admin: ApiClient, marketer: ApiClient, authenticated: Connector
) -> None:
    body = {
        "connector_id": str(authenticated.id),
        "kind": "long_code",
        "address": LONG_CODE,
        "category": "promotional",
    }
    sender_id = (await admin.post("/v1/senders", json=body)).json()["sender"]["id"]
    made = await marketer.post("/v1/suppressions", json={"address": PERSON, "sender_id": sender_id})
    assert made.json()["sender_id"] == sender_id
    assert len((await marketer.get("/v1/suppressions", query={"sender_id": sender_id})).json()["items"]) == 1
    wrong = await marketer.post(
        "/v1/suppressions", json={"address": "ada@example.com", "channel": "email", "sender_id": sender_id}
    )
    assert wrong.json()["errors"][0]["field"] == "sender_id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"address": "nobody"}, "address"),
        ({"address": "0171 1234567"}, "address"),
        ({"address": ""}, "address"),
        ({"address": "a\0b"}, "address"),
        ({"address": "not an address", "channel": "email"}, "address"),
        ({"address": PERSON, "channel": "pigeon"}, "channel"),
        ({"address": PERSON, "sender_id": str(uuid4())}, "sender_id"),
        ({}, "address"),
    ],
)
async def test_bad_input_names_field_and_rule(marketer: ApiClient, body: dict[str, str], field: str) -> None:
    refused = await marketer.post("/v1/suppressions", json=body)
    assert refused.status == 422
    assert [each["field"] for each in refused.json()["errors"]] == [field]


async def test_lifting_is_for_admins_and_both_are_audited_without_the_address(
    marketer: ApiClient, admin: ApiClient, viewer: ApiClient, owner: ApiClient
) -> None:
    assert (await viewer.post("/v1/suppressions", json={"address": PERSON})).status == 403
    made = (await marketer.post("/v1/suppressions", json={"address": PERSON})).json()
    assert (await marketer.delete(f"/v1/suppressions/{made['id']}")).status == 403
    assert (await admin.delete(f"/v1/suppressions/{made['id']}")).status == 204
    assert (await admin.delete(f"/v1/suppressions/{made['id']}")).json()["code"] == "suppression_not_found"
    entries = (await owner.get("/v1/audit-entries", query={"noun": "suppression"})).json()["items"]
    assert [(each["action"], each["noun_id"]) for each in entries] == [
        ("suppression.delete", made["id"]),
        ("suppression.create", made["id"]),
    ]
    assert PERSON not in str(entries)


async def test_a_direct_message_to_a_suppressed_address_is_not_sent(
    marketer: ApiClient, admin: ApiClient, developer: ApiClient, authenticated: Connector
) -> None:
    body = {
        "connector_id": str(authenticated.id),
        "kind": "long_code",
        "address": LONG_CODE,
        "category": "transactional",
    }
    await admin.post("/v1/senders", json=body)
    await marketer.post("/v1/suppressions", json={"address": PERSON})
    sent = await developer.post("/v1/messages", json={"messages": [{"to": PERSON, "body": "Hello"}], "mode": "sync"})
    (verdict,) = sent.json()["items"]
    assert (verdict["state"], verdict["reason"]) == ("suppressed", "manual")
