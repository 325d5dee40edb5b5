import asyncio
from typing import Any

import pytest

from heliograph.db.tables import Connector, Workspace
from heliograph.domain.vocabulary import Role, WorkspaceMode
from heliograph.services.connectors import list_connectors, save_credentials
from heliograph.services.context import Actor, Services
from heliograph.services.workspaces import create_workspace
from tests.api.client import Answer, ApiClient
from tests.api.simulated_twilio import GOOD, LONG_CODE, MESSAGING_SERVICE, UNKNOWN_LONG_CODE, SimulatedTwilio

SAVED = "Settings updated Successfully"


async def add(client: ApiClient, connector: Connector, **fields: Any) -> Answer:
    body = {"connector_id": str(connector.id), "kind": "long_code", "address": LONG_CODE, "category": "promotional"}
    return await client.post("/v1/senders", json={**body, **fields})


async def added(client: ApiClient, connector: Connector, **fields: Any) -> dict[str, Any]:
    answer = await add(client, connector, **fields)
    assert answer.status == 201, answer.body
    sender: dict[str, Any] = answer.json()["sender"]
    return sender


async def defaults(client: ApiClient) -> list[str]:
    items = (await client.get("/v1/senders")).json()["items"]
    return [each["id"] for each in items if each["is_default"]]


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("long_code", LONG_CODE),
        ("messaging_service", MESSAGING_SERVICE),
        ("short_code", "12345"),
        ("alphanumeric", "Heliograph"),
    ],
)
async def test_a_sender_of_each_kind_is_created(
    admin: ApiClient, authenticated: Connector, kind: str, address: str
) -> None:
    answer = await add(admin, authenticated, kind=kind, address=address)

    assert (answer.status, answer.json()["message"]) == (201, SAVED)
    sender = answer.json()["sender"]
    assert (sender["kind"], sender["address"], sender["is_default"]) == (kind, address, True)


@pytest.mark.parametrize(
    ("kind", "address", "named"),
    [
        ("long_code", "not a number", "phone number"),
        ("long_code", "+1201", "valid phone number"),
        ("messaging_service", "MS9752274e9e519418a7406176694466fa", "begins with MG"),
        ("messaging_service", "MG97522-74e9e5", "letters and digits"),
        ("alphanumeric", "Much too long a name", "at most 11"),
        ("alphanumeric", "Größe", "ASCII"),
        ("short_code", " ", "not be empty"),
    ],
)
async def test_a_wrong_format_is_refused_with_the_rule_it_breaks(
    admin: ApiClient, authenticated: Connector, twilio: SimulatedTwilio, kind: str, address: str, named: str
) -> None:
    asked = len(twilio.requests)

    answer = await add(admin, authenticated, kind=kind, address=address)

    assert (answer.status, answer.json()["detail"]) == (400, "Invalid Twilio Details")
    (error,) = answer.json()["errors"]
    assert error["field"] == "address"
    assert named in error["rule"]
    assert len(twilio.requests) == asked


async def test_an_unknown_kind_is_refused_with_the_known_ones(admin: ApiClient, authenticated: Connector) -> None:
    answer = await add(admin, authenticated, kind="carrier_pigeon")
    (error,) = answer.json()["errors"]
    assert (answer.status, error["field"]) == (400, "kind")
    assert "messaging_service" in error["rule"]


async def test_a_sender_that_twilio_does_not_know_is_refused(admin: ApiClient, authenticated: Connector) -> None:
    answer = await add(admin, authenticated, address=UNKNOWN_LONG_CODE)
    assert (answer.status, answer.json()["detail"]) == (400, "Invalid Twilio Details")
    assert (await admin.get("/v1/senders")).json()["items"] == []


async def test_credentials_that_twilio_no_longer_takes_are_told(
    services: Services, admin: ApiClient, authenticated: Connector
) -> None:
    refused = services.key_ring.seal(
        b'{"account_sid": "AC11111111111111111111111111111111", "auth_token": "bad now"}',
        context=b"connector:" + authenticated.id.bytes,
    )
    async with services.database.pool.acquire() as connection:
        await connection.execute("UPDATE connector SET sealed_credentials = $1", refused)

    answer = await add(admin, authenticated)

    assert (answer.status, answer.json()["detail"]) == (401, "Invalid Twilio SID and/or Auth token")


async def test_two_failures_of_twilio_are_ridden_out(
    admin: ApiClient, authenticated: Connector, twilio: SimulatedTwilio
) -> None:
    twilio.failures = 2
    assert (await add(admin, authenticated)).status == 201


async def test_three_failures_of_twilio_are_a_502(
    admin: ApiClient, authenticated: Connector, twilio: SimulatedTwilio
) -> None:
    twilio.failures = 3
    answer = await add(admin, authenticated)
    assert (answer.status, answer.json()["detail"]) == (502, "An unexpected error occurred at Twilio.")


async def test_a_connector_without_credentials_takes_no_sender(admin: ApiClient, connector: Connector) -> None:
    answer = await add(admin, connector)
    assert (answer.status, answer.json()["code"]) == (409, "connector_not_authenticated")


async def test_the_same_sender_twice_is_a_conflict(admin: ApiClient, authenticated: Connector) -> None:
    await added(admin, authenticated)
    answer = await add(admin, authenticated, address="+1 (201) 555-0123")
    assert (answer.status, answer.json()["code"]) == (409, "sender_exists")
    assert (await add(admin, authenticated, category="otp")).status == 201


async def test_the_first_of_a_channel_and_category_is_the_default(admin: ApiClient, authenticated: Connector) -> None:
    first = await added(admin, authenticated)
    second = await added(admin, authenticated, kind="alphanumeric", address="Second")
    otp = await added(admin, authenticated, kind="alphanumeric", address="Second", category="otp")
    assert (first["is_default"], second["is_default"], otp["is_default"]) == (True, False, True)


async def test_marking_a_default_takes_it_from_the_other(admin: ApiClient, authenticated: Connector) -> None:
    await added(admin, authenticated)
    second = await added(admin, authenticated, kind="alphanumeric", address="Second")

    answer = await admin.post(f"/v1/senders/{second['id']}/default")

    assert (answer.status, answer.json()["message"]) == (200, SAVED)
    assert await defaults(admin) == [second["id"]]


async def test_a_new_sender_can_be_the_default_at_once(admin: ApiClient, authenticated: Connector) -> None:
    await added(admin, authenticated)
    second = await added(admin, authenticated, kind="alphanumeric", address="Second", is_default=True)
    assert await defaults(admin) == [second["id"]]


async def test_many_at_once_leave_exactly_one_default(admin: ApiClient, authenticated: Connector) -> None:
    created = await asyncio.gather(
        *(added(admin, authenticated, kind="alphanumeric", address=f"S{number}") for number in range(6))
    )
    assert len(await defaults(admin)) == 1

    answers = await asyncio.gather(*(admin.post(f"/v1/senders/{each['id']}/default") for each in created))

    assert {answer.status for answer in answers} == {200}
    assert len(await defaults(admin)) == 1


async def test_a_sender_is_deleted_but_not_the_default(admin: ApiClient, authenticated: Connector) -> None:
    first = await added(admin, authenticated)
    second = await added(admin, authenticated, kind="alphanumeric", address="Second")

    refused = await admin.delete(f"/v1/senders/{first['id']}")
    deleted = await admin.delete(f"/v1/senders/{second['id']}")

    assert (refused.status, refused.json()["code"]) == (409, "default_sender")
    assert (deleted.status, deleted.json()) == (200, {"message": SAVED})
    assert (await admin.get(f"/v1/senders/{second['id']}")).status == 404


async def test_a_deleted_sender_can_be_made_anew(admin: ApiClient, authenticated: Connector) -> None:
    await added(admin, authenticated)
    second = await added(admin, authenticated, kind="alphanumeric", address="Second")
    await admin.delete(f"/v1/senders/{second['id']}")
    await added(admin, authenticated, kind="alphanumeric", address="Second")


async def test_a_sender_is_updated_and_a_new_address_is_checked(admin: ApiClient, authenticated: Connector) -> None:
    sender = await added(admin, authenticated)
    address = f"/v1/senders/{sender['id']}"

    named = await admin.patch(address, json={"name": "US", "messages_per_second": 10})
    moved = await admin.patch(address, json={"address": "+1 201 555 0199"})
    refused = await admin.patch(address, json={"address": UNKNOWN_LONG_CODE})

    assert (named.status, named.json()["message"]) == (200, SAVED)
    assert moved.json()["sender"]["address"] == "+12015550199"
    assert moved.json()["sender"]["messages_per_second"] == 10
    assert (refused.status, refused.json()["detail"]) == (400, "Invalid Twilio Details")
    assert (await admin.get(address)).json() == moved.json()["sender"]


async def test_a_marketer_sees_senders_and_cannot_change_them(
    admin: ApiClient, marketer: ApiClient, authenticated: Connector
) -> None:
    sender = await added(admin, authenticated)
    address = f"/v1/senders/{sender['id']}"

    answers = [
        await add(marketer, authenticated),
        await marketer.patch(address, json={"name": "Mine"}),
        await marketer.post(f"{address}/default"),
        await marketer.delete(address),
    ]

    assert [(answer.status, answer.json()["code"]) for answer in answers] == [(403, "role")] * 4
    assert (await marketer.get(address)).status == 200


async def test_every_change_of_a_sender_is_audited(admin: ApiClient, authenticated: Connector) -> None:
    await added(admin, authenticated)
    second = await added(admin, authenticated, kind="alphanumeric", address="Second")
    address = f"/v1/senders/{second['id']}"
    await admin.patch(address, json={"name": "Renamed"})
    third = await added(admin, authenticated, kind="alphanumeric", address="Third")
    await admin.post(f"/v1/senders/{third['id']}/default")
    await admin.delete(address)

    entries = (await admin.get("/v1/audit-entries", query={"noun": "sender"})).json()["items"]

    assert [entry["action"] for entry in entries] == [
        "sender.delete",
        "sender.default",
        "sender.create",
        "sender.update",
        "sender.create",
        "sender.create",
    ]
    assert {entry["actor"] for entry in entries} == {"the admin"}


async def test_senders_and_connectors_of_another_workspace_are_not_there(
    services: Services, admin: ApiClient, workspace: Workspace
) -> None:
    owner = Actor(workspace.id, Role.OWNER, "test")
    other, _ = await create_workspace(services, owner, name="Other", mode=WorkspaceMode.TEST)
    stranger = Actor(other.id, Role.OWNER, "stranger")
    (foreign,) = await list_connectors(services, stranger)
    await save_credentials(services, stranger, foreign.id, GOOD)
    async with services.database.pool.acquire() as connection:
        sender_id = await connection.fetchval(
            """
            INSERT INTO sender (id, created_at, workspace_id, connector_id, kind, address, name, channel, category,
                                is_default, updated_at)
            VALUES (uuidv7(), now(), $1, $2, 'long_code', '+12015550123', '', 'sms', 'otp', true, now())
            RETURNING id
            """,
            other.id,
            foreign.id,
        )
    address = f"/v1/senders/{sender_id}"

    answers = [
        await add(admin, foreign),
        await admin.get(address),
        await admin.patch(address, json={"name": "Mine"}),
        await admin.post(f"{address}/default"),
        await admin.delete(address),
    ]

    assert [answer.status for answer in answers] == [404] * 5
    assert (await admin.get("/v1/senders")).json()["items"] == []
