from uuid import UUID

import pytest

from heliograph.db import watch
from heliograph.db.tables import Connector, Workspace
from heliograph.domain.vocabulary import Role, WorkspaceMode
from heliograph.providers.protocol import SenderAddress
from heliograph.services.context import Actor, Services
from heliograph.services.workspaces import create_workspace
from tests.api.client import Answer, ApiClient
from tests.api.simulated_twilio import GOOD, LONG_CODE, REFUSED, ROTATED, SimulatedTwilio

CHECK_SENDERS = (
    "Since you have updated the authentication parameters, please check the existing senders and update them if needed"
)


async def save(client: ApiClient, connector: Connector, credentials: object) -> Answer:
    return await client.put(f"/v1/connectors/{connector.id}/credentials", json={"credentials": credentials})


async def add_sender(client: ApiClient, connector: Connector) -> None:
    body = {"connector_id": str(connector.id), "kind": "long_code", "address": LONG_CODE, "category": "promotional"}
    assert (await client.post("/v1/senders", json=body)).status == 201


async def test_a_new_workspace_has_twilio_not_authenticated_yet(owner: ApiClient, workspace: Workspace) -> None:
    (only,) = (await owner.get("/v1/connectors")).json()["items"]
    assert (only["provider"], only["name"], only["authenticated"]) == ("twilio", "Twilio", False)


@pytest.mark.parametrize("mode", list(WorkspaceMode))
async def test_a_created_workspace_has_twilio_and_it_can_be_authenticated(
    services: Services, client: ApiClient, owner: ApiClient, mode: WorkspaceMode
) -> None:
    created = (await owner.post("/v1/workspaces", json={"name": "Second", "mode": mode.value})).json()
    second = client.having({"Authorization": f"Bearer {created['owner_key']}"})

    (twilio,) = (await second.get("/v1/connectors")).json()["items"]
    saved = await second.put(f"/v1/connectors/{twilio['id']}/credentials", json={"credentials": GOOD})

    assert created["workspace"]["mode"] == mode.value
    assert (saved.status, saved.json()["message"]) == (200, CHECK_SENDERS)


async def test_valid_credentials_are_kept_sealed_and_never_shown(
    services: Services, admin: ApiClient, connector: Connector
) -> None:
    saved = await save(admin, connector, GOOD)

    assert saved.status == 200
    assert saved.json()["connector"]["authenticated"] is True
    shown = saved.body + (await admin.get(f"/v1/connectors/{connector.id}")).body
    shown += (await admin.get("/v1/audit-entries")).body
    async with services.database.pool.acquire() as connection:
        sealed = await connection.fetchval("SELECT sealed_credentials FROM connector WHERE id = $1", connector.id)
    for secret in GOOD.values():
        assert secret.encode() not in shown + sealed


async def test_refused_credentials_can_be_followed_by_right_ones(admin: ApiClient, connector: Connector) -> None:
    refused = await save(admin, connector, REFUSED)
    assert (refused.status, refused.json()["detail"]) == (401, "Invalid Twilio SID and/or Auth token")
    assert (await admin.get(f"/v1/connectors/{connector.id}")).json()["authenticated"] is False

    assert (await save(admin, connector, GOOD)).status == 200


async def test_malformed_credentials_name_the_field_and_do_not_echo_the_secret(
    admin: ApiClient, connector: Connector, twilio: SimulatedTwilio
) -> None:
    answer = await save(admin, connector, {"account_sid": "nonsense-sid", "auth_token": "very secret" * 20})

    assert answer.status == 422
    assert {error["field"] for error in answer.json()["errors"]} == {
        "credentials.account_sid",
        "credentials.auth_token",
    }
    assert b"very secret" not in answer.body
    assert b"nonsense-sid" not in answer.body
    assert twilio.requests == []


async def test_two_failures_of_twilio_are_ridden_out(
    admin: ApiClient, connector: Connector, twilio: SimulatedTwilio
) -> None:
    twilio.failures = 2
    assert (await save(admin, connector, GOOD)).status == 200
    assert len(twilio.requests) == 3


async def test_three_failures_of_twilio_are_a_502_and_nothing_is_kept(
    admin: ApiClient, connector: Connector, twilio: SimulatedTwilio
) -> None:
    twilio.failures = 3
    answer = await save(admin, connector, GOOD)

    assert (answer.status, answer.json()["detail"]) == (502, "An unexpected error occurred at Twilio.")
    assert len(twilio.requests) == 3
    assert (await admin.get(f"/v1/connectors/{connector.id}")).json()["authenticated"] is False


async def test_the_first_save_says_to_check_the_senders(admin: ApiClient, connector: Connector) -> None:
    assert (await save(admin, connector, GOOD)).json()["message"] == CHECK_SENDERS


async def test_a_change_with_senders_says_to_check_them(admin: ApiClient, authenticated: Connector) -> None:
    await add_sender(admin, authenticated)
    assert (await save(admin, authenticated, ROTATED)).json()["message"] == CHECK_SENDERS


async def test_a_change_without_senders_says_nothing(admin: ApiClient, authenticated: Connector) -> None:
    assert (await save(admin, authenticated, ROTATED)).json()["message"] is None


async def test_saving_the_same_credentials_again_changes_nothing(admin: ApiClient, authenticated: Connector) -> None:
    await add_sender(admin, authenticated)
    before = (await admin.get(f"/v1/connectors/{authenticated.id}")).json()

    answer = await save(admin, authenticated, GOOD)

    assert (answer.status, answer.json()["message"], answer.json()["connector"]) == (200, None, before)


async def test_a_marketer_cannot_change_settings(marketer: ApiClient, connector: Connector) -> None:
    answers = [
        await save(marketer, connector, GOOD),
        await marketer.post("/v1/connectors", json={"provider": "twilio"}),
        await marketer.patch(f"/v1/connectors/{connector.id}", json={"name": "Mine"}),
        await marketer.delete(f"/v1/connectors/{connector.id}"),
        await marketer.get(f"/v1/connectors/{connector.id}/balance"),
    ]
    assert [answer.status for answer in answers] == [403] * 5
    assert (await marketer.get("/v1/connectors")).status == 200


async def test_the_balance_is_what_the_provider_says(admin: ApiClient, authenticated: Connector) -> None:
    answer = await admin.get(f"/v1/connectors/{authenticated.id}/balance")
    assert (answer.status, answer.json()) == (200, {"amount": "1000.00", "currency": "USD"})


async def test_a_connector_without_credentials_has_no_balance_yet(admin: ApiClient, connector: Connector) -> None:
    answer = await admin.get(f"/v1/connectors/{connector.id}/balance")
    assert (answer.status, answer.json()["code"]) == (409, "connector_not_authenticated")


async def test_a_connector_of_another_workspace_is_not_there(
    services: Services, admin: ApiClient, workspace: Workspace
) -> None:
    other, _ = await create_workspace(
        services, Actor(workspace.id, Role.OWNER, "test"), name="Other", mode=WorkspaceMode.TEST
    )
    async with services.database.pool.acquire() as connection:
        foreign: UUID = await connection.fetchval("SELECT id FROM connector WHERE workspace_id = $1", other.id)

    calls = [
        await admin.get(f"/v1/connectors/{foreign}"),
        await admin.get(f"/v1/connectors/{foreign}/balance"),
        await admin.put(f"/v1/connectors/{foreign}/credentials", json={"credentials": GOOD}),
        await admin.patch(f"/v1/connectors/{foreign}", json={"name": "Mine"}),
        await admin.delete(f"/v1/connectors/{foreign}"),
    ]
    assert [call.status for call in calls] == [404] * 5


async def test_a_speed_limit_can_be_set_and_lifted(admin: ApiClient, connector: Connector) -> None:
    address = f"/v1/connectors/{connector.id}"
    assert (await admin.patch(address, json={"messages_per_second": 12.5})).json()["messages_per_second"] == 12.5
    assert (await admin.patch(address, json={"name": "Main Twilio"})).json()["messages_per_second"] == 12.5
    assert (await admin.patch(address, json={"messages_per_second": None})).json()["messages_per_second"] is None
    refused = await admin.patch(address, json={"messages_per_second": 0})
    assert (refused.status, refused.json()["errors"][0]["field"]) == (422, "messages_per_second")


async def test_a_further_connector_is_added_and_deleted_with_its_credentials(
    services: Services, admin: ApiClient, authenticated: Connector
) -> None:
    added = await admin.post("/v1/connectors", json={"provider": "twilio", "name": "Second account"})
    assert added.status == 201
    address = f"/v1/connectors/{added.json()['id']}"
    await admin.put(f"{address}/credentials", json={"credentials": ROTATED})

    assert (await admin.delete(address)).status == 204
    assert (await admin.get(address)).status == 404
    async with services.database.pool.acquire() as connection:
        kept = await connection.fetchval("SELECT count(*) FROM connector WHERE sealed_credentials IS NOT NULL")
    assert kept == 1


async def test_an_unknown_provider_is_refused_with_the_known_ones(admin: ApiClient) -> None:
    answer = await admin.post("/v1/connectors", json={"provider": "pigeon"})
    assert answer.status == 422
    assert "twilio" in answer.json()["detail"]


async def test_a_connector_with_the_default_sender_stays_while_another_could_take_its_place(
    admin: ApiClient, authenticated: Connector
) -> None:
    await add_sender(admin, authenticated)
    second = (await admin.post("/v1/connectors", json={"provider": "twilio"})).json()["id"]
    await admin.put(f"/v1/connectors/{second}/credentials", json={"credentials": ROTATED})
    body = {"connector_id": second, "kind": "long_code", "address": LONG_CODE, "category": "promotional"}
    other = (await admin.post("/v1/senders", json=body)).json()["sender"]["id"]

    refused = await admin.delete(f"/v1/connectors/{authenticated.id}")
    await admin.post(f"/v1/senders/{other}/default")

    assert (refused.status, refused.json()["code"]) == (409, "default_sender")
    assert (await admin.delete(f"/v1/connectors/{authenticated.id}")).status == 204
    assert [each["id"] for each in (await admin.get("/v1/senders")).json()["items"]] == [other]


async def test_providers_tell_what_they_take(viewer: ApiClient) -> None:
    (twilio,) = [each for each in (await viewer.get("/v1/providers")).json()["items"] if each["key"] == "twilio"]
    assert {"account_sid", "auth_token"} <= twilio["credentials"]["properties"].keys()
    assert {"long_code", "short_code", "alphanumeric", "messaging_service"} == {
        kind["key"] for kind in twilio["sender_kinds"]
    }


async def test_an_open_connection_is_kept_until_the_credentials_change(
    services: Services, admin: ApiClient, authenticated: Connector
) -> None:
    first = await services.connections.get(authenticated.id)
    assert await services.connections.get(authenticated.id) is first

    await save(admin, authenticated, ROTATED)

    second = await services.connections.get(authenticated.id)
    assert second is not first
    await first.check_sender(SenderAddress("long_code", LONG_CODE))  # calls under way are not cut off


async def test_a_connector_that_takes_messages_and_brings_no_receipts_says_what_to_check(
    services: Services, viewer: ApiClient, authenticated: Connector
) -> None:
    path = f"/v1/connectors/{authenticated.id}"
    assert (await viewer.get(path)).json()["trouble"] is None
    await watch.note_accepted(services.database.pool, authenticated.workspace_id, authenticated.id)
    await services.database.pool.execute("UPDATE connector_watch SET waiting_since = now() - interval '1 hour'")
    trouble = (await viewer.get(path)).json()["trouble"]
    assert trouble.startswith("no receipts from Twilio for 60 minutes")
    assert authenticated.callback_token not in trouble
    (listed,) = (await viewer.get("/v1/connectors")).json()["items"]
    assert listed["trouble"] == trouble
    await watch.note_heard(services.database.pool, authenticated.workspace_id, authenticated.id)
    assert (await viewer.get(path)).json()["trouble"] is None
