import asyncio

import pytest

from heliograph.db.engine import Database
from heliograph.db.tables import Workspace
from heliograph.services.workspaces import bootstrap
from tests.api.client import ApiClient


async def test_the_first_start_makes_one_workspace_and_its_key_even_when_two_start_at_once(
    database: Database, client: ApiClient
) -> None:
    keys = await asyncio.gather(*(bootstrap(database) for _ in range(4)))

    (key,) = [each for each in keys if each is not None]
    current = (await client.get("/v1/workspaces/current", headers={"Authorization": f"Bearer {key}"})).json()
    assert (current["name"], current["mode"]) == ("Main", "live")
    assert await bootstrap(database) is None


async def test_an_owner_changes_the_workspace(owner: ApiClient, workspace: Workspace) -> None:
    address = f"/v1/workspaces/{workspace.id}"
    answer = await owner.patch(address, json={"default_region": "DE", "time_zone": "Europe/Berlin"})
    assert (answer.status, answer.json()["default_region"], answer.json()["name"]) == (200, "DE", "Main")
    assert (await owner.get(address)).json() == answer.json()


@pytest.mark.parametrize(
    ("field", "value"),
    [("default_region", "XX"), ("default_region", "de"), ("time_zone", "Mars/Olympus"), ("name", "\u0000\u0007")],
)
async def test_a_wrong_value_is_named(owner: ApiClient, workspace: Workspace, field: str, value: str) -> None:
    answer = await owner.patch(f"/v1/workspaces/{workspace.id}", json={field: value})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, field)


async def test_only_an_owner_makes_or_changes_workspaces(admin: ApiClient, workspace: Workspace) -> None:
    assert (await admin.post("/v1/workspaces", json={"name": "Other", "mode": "test"})).status == 403
    assert (await admin.patch(f"/v1/workspaces/{workspace.id}", json={"name": "Mine"})).status == 403


async def test_another_workspace_is_not_there_even_for_who_made_it(owner: ApiClient) -> None:
    created = (await owner.post("/v1/workspaces", json={"name": "Other", "mode": "test"})).json()
    address = f"/v1/workspaces/{created['workspace']['id']}"
    assert (await owner.get(address)).status == 404
    assert (await owner.patch(address, json={"name": "Mine"})).status == 404


async def test_the_making_of_a_workspace_is_audited_in_both(owner: ApiClient, client: ApiClient) -> None:
    created = (await owner.post("/v1/workspaces", json={"name": "Other", "mode": "test"})).json()
    other = client.having({"Authorization": f"Bearer {created['owner_key']}"})
    for each in (owner, other):
        entries = (await each.get("/v1/audit-entries", query={"noun_id": created["workspace"]["id"]})).json()["items"]
        assert [entry["action"] for entry in entries] == ["workspace.create"]


async def test_the_audit_trail_is_for_owners_admins_and_approvers(
    owner: ApiClient, admin: ApiClient, approver: ApiClient, marketer: ApiClient, viewer: ApiClient
) -> None:
    allowed = [(await each.get("/v1/audit-entries")).status for each in (owner, admin, approver)]
    refused = [(await each.get("/v1/audit-entries")).status for each in (marketer, viewer)]
    assert (allowed, refused) == ([200] * 3, [403] * 2)
