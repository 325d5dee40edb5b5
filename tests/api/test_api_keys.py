from heliograph.db.tables import Workspace
from heliograph.domain.vocabulary import Role
from heliograph.services.api_keys import Authenticator
from heliograph.services.context import Services
from tests.api.client import ApiClient
from tests.api.conftest import HeaderMaker


async def test_a_key_is_shown_once_and_only_its_digest_is_kept(services: Services, owner: ApiClient) -> None:
    created = (await owner.post("/v1/api-keys", json={"name": "shop", "role": "developer"})).json()

    assert created["key"].startswith("hg_")
    assert created["key"].startswith(created["api_key"]["prefix"])
    listed = await owner.get("/v1/api-keys")
    assert created["key"].encode() not in listed.body
    async with services.database.pool.acquire() as connection:
        digests = await connection.fetch("SELECT digest FROM api_key")
    assert {len(row["digest"]) for row in digests} == {32}


async def test_a_revoked_key_stops_working_at_once_where_it_was_revoked(owner: ApiClient, client: ApiClient) -> None:
    created = (await owner.post("/v1/api-keys", json={"name": "shop", "role": "viewer"})).json()
    holder = client.having({"Authorization": f"Bearer {created['key']}"})
    assert (await holder.get("/v1/senders")).status == 200

    revoked = await owner.delete(f"/v1/api-keys/{created['api_key']['id']}")

    assert revoked.json()["revoked_at"] is not None
    answer = await holder.get("/v1/senders")
    assert (answer.status, answer.json()["code"]) == (401, "api_key_invalid")
    assert (await owner.delete(f"/v1/api-keys/{created['api_key']['id']}")).json() == revoked.json()


async def test_a_key_revoked_elsewhere_stops_working_when_memory_fades(
    services: Services, owner: ApiClient, workspace: Workspace, headers_of: HeaderMaker
) -> None:
    text = (await headers_of(Role.VIEWER, workspace))["Authorization"].removeprefix("Bearer ")
    forgetful = Authenticator(services.database, remembered_seconds=0)
    actor = await forgetful.actor(text)

    await owner.delete(f"/v1/api-keys/{actor.api_key_id}")

    answer = await ApiClient(owner.app, {"Authorization": f"Bearer {text}"}).get("/v1/senders")
    assert answer.status == 401


async def test_the_use_of_a_key_is_noted_once_and_not_with_every_call(
    services: Services, workspace: Workspace, headers_of: HeaderMaker
) -> None:
    text = (await headers_of(Role.VIEWER, workspace))["Authorization"].removeprefix("Bearer ")
    forgetful = Authenticator(services.database, remembered_seconds=0)
    uses = set()
    for _ in range(3):
        actor = await forgetful.actor(text)
        async with services.database.pool.acquire() as connection:
            row = await connection.fetchrow("SELECT last_used_at, xmin FROM api_key WHERE id = $1", actor.api_key_id)
        uses.add((row["last_used_at"], row["xmin"]))
    assert len(uses) == 1
    assert None not in {used for used, _ in uses}


async def test_the_last_owner_key_stays(services: Services, client: ApiClient, owner: ApiClient) -> None:
    owners = [each for each in (await owner.get("/v1/api-keys")).json()["items"] if each["role"] == "owner"]
    answers = [await owner.delete(f"/v1/api-keys/{each['id']}") for each in reversed(owners)]
    assert [answer.status for answer in answers] == [200] * (len(owners) - 1) + [409]
    assert answers[-1].json()["code"] == "last_owner_key"


async def test_an_admin_manages_keys_but_no_owners(owner: ApiClient, admin: ApiClient) -> None:
    refused = await admin.post("/v1/api-keys", json={"name": "coup", "role": "owner"})
    assert (refused.status, refused.json()["code"]) == (403, "role")
    owners = [each["id"] for each in (await admin.get("/v1/api-keys")).json()["items"] if each["role"] == "owner"]
    assert (await admin.delete(f"/v1/api-keys/{owners[0]}")).status == 403
    assert (await admin.post("/v1/api-keys", json={"name": "shop", "role": "admin"})).status == 201


async def test_others_do_not_see_keys(marketer: ApiClient, developer: ApiClient, viewer: ApiClient) -> None:
    for client in (marketer, developer, viewer):
        assert (await client.get("/v1/api-keys")).status == 403
        assert (await client.post("/v1/api-keys", json={"name": "x", "role": "viewer"})).status == 403


async def test_a_key_of_another_workspace_is_not_there(owner: ApiClient, client: ApiClient) -> None:
    created = (await owner.post("/v1/workspaces", json={"name": "Other", "mode": "test"})).json()
    other = client.having({"Authorization": f"Bearer {created['owner_key']}"})
    mine = (await owner.get("/v1/api-keys")).json()["items"][0]["id"]
    assert (await other.delete(f"/v1/api-keys/{mine}")).status == 404


async def test_pages_of_keys_go_on_where_the_one_before_ended(owner: ApiClient) -> None:
    for number in range(5):
        await owner.post("/v1/api-keys", json={"name": f"key {number}", "role": "viewer"})
    whole = (await owner.get("/v1/api-keys")).json()
    names, after = [], None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = (await owner.get("/v1/api-keys", query=query)).json()
        assert len(page["items"]) <= 2
        names += [each["name"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert names == [each["name"] for each in whole["items"]]
    assert whole["next"] is None


async def test_a_cursor_of_ones_own_making_is_refused(owner: ApiClient) -> None:
    for cursor in ("x", "", "dQ", "n" * 64, "bjEy", "%ff"):
        answer = await owner.get("/v1/api-keys", query={"after": cursor})
        assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "after")
