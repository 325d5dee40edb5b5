"""Campaigns over HTTP, up to the launch: what runs afterwards takes workers and is driven by tests/campaigns."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from heliograph.db.freeze import freeze_chunk
from heliograph.db.tables import Workspace
from heliograph.domain.vocabulary import Role
from heliograph.services.context import Services
from tests.api.client import ApiClient
from tests.api.conftest import HeaderMaker
from tests.services.planning import Plan, another_workspace, plan_in


@pytest_asyncio.fixture
async def plan(services: Services, workspace: Workspace) -> Plan:
    """What campaigns can be made of: twelve recipients, two of them twice."""
    return await plan_in(services, workspace, recipients=12, duplicates=2)


def body(plan: Plan, **choices: Any) -> dict[str, Any]:
    """A complete campaign as a caller writes it."""
    complete = {name: str(getattr(plan, name)) for name in ("template_id", "audience_id", "sender_id")}
    return {"name": "Spring", **complete, **choices}


async def created(client: ApiClient, plan: Plan, **choices: Any) -> str:
    """The address of a new draft."""
    answer = await client.post("/v1/campaigns", json=body(plan, **choices))
    assert answer.status == 201, answer.json()
    return f"/v1/campaigns/{answer.json()['id']}"


async def frozen(services: Services, client: ApiClient, plan: Plan) -> str:
    """The address of a campaign whose run stands in the ledger."""
    url = await created(client, plan)
    launched = await client.post(f"{url}/launch")
    while not (await freeze_chunk(services.database, UUID(launched.json()["run"]["id"]))).done:
        pass
    return url


async def test_a_campaign_is_made_read_listed_edited_and_archived(marketer: ApiClient, plan: Plan) -> None:
    url = await created(marketer, plan, messages_per_second=5)
    shown = (await marketer.get(url)).json()
    assert (shown["status"], shown["version"], shown["run"]) == ("DRAFT", 1, None)
    assert shown["settings"]["template_id"] == str(plan.template_id)
    assert (await marketer.get("/v1/campaigns")).json()["items"] == [shown]
    edited = (await marketer.patch(url, json={"name": "Summer", "messages_per_second": None})).json()
    assert (edited["version"], edited["settings"]["name"], edited["settings"]["messages_per_second"]) == (
        2,
        "Summer",
        None,
    )
    assert (await marketer.post(f"{url}/archive")).json()["status"] == "ARCHIVED"
    assert (await marketer.patch(url, json={"name": "Autumn"})).status == 409


async def test_a_bad_setting_is_named(owner: ApiClient, plan: Plan) -> None:
    for wrong, field in (
        ({"messages_per_second": -1}, "messages_per_second"),
        ({"nmae": "x"}, "nmae"),
        ({"audience_id": str(uuid4())}, "audience_id"),
    ):
        made = await owner.post("/v1/campaigns", json=body(plan, **wrong))
        url = await created(owner, plan)
        edited = await owner.patch(url, json=wrong)
        for answer in (made, edited):
            assert (answer.status, [item["field"] for item in answer.json()["errors"]]) == (422, [field])


async def test_an_estimate_says_what_a_launch_would_do(viewer: ApiClient, owner: ApiClient, plan: Plan) -> None:
    url = await created(owner, plan, messages_per_second=2)
    answer = await viewer.get(f"{url}/estimate")
    assert answer.status == 200
    expected = {"recipients": 12, "duplicates": 2, "suppressed": 0, "messages": 10, "parts": 10, "seconds": 5.0}
    assert expected.items() <= answer.json().items()
    assert answer.json()["encodings"] == {"gsm7": 10}


async def test_a_launch_repeated_with_its_key_is_answered_and_not_carried_out_again(
    owner: ApiClient, plan: Plan, services: Services
) -> None:
    url = await created(owner, plan)
    key = {"Idempotency-Key": "launch-1"}
    first, second = [await owner.post(f"{url}/launch", headers=key) for _ in range(2)]
    assert first.status == second.status == 200
    assert first.json() == second.json()
    assert (first.json()["status"], first.json()["run"]["source_rows"]) == ("SCHEDULED", 12)
    assert second.headers["idempotent-replay"] == "true"
    assert await services.database.pool.fetchval("SELECT count(*) FROM run") == 1


async def test_of_two_launches_at_once_one_gets_409(owner: ApiClient, plan: Plan) -> None:
    url = await created(owner, plan)
    answers = await asyncio.gather(*(owner.post(f"{url}/launch") for _ in range(2)))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert {answer.json()["code"] for answer in answers if answer.status == 409} == {"campaign_status"}


async def test_a_launch_that_lacks_something_names_every_field(owner: ApiClient, plan: Plan) -> None:
    made = await owner.post("/v1/campaigns", json={"name": "Empty"})
    answer = await owner.post(f"/v1/campaigns/{made.json()['id']}/launch")
    assert answer.status == 422
    assert [item["field"] for item in answer.json()["errors"]] == ["template_id", "audience_id", "sender_id"]


async def test_what_a_launched_campaign_does_not_allow_is_409(owner: ApiClient, plan: Plan) -> None:
    url = await created(owner, plan)
    await owner.post(f"{url}/launch")
    for answer in (
        await owner.patch(url, json={"name": "Summer"}),
        await owner.post(f"{url}/launch"),
        await owner.post(f"{url}/archive"),
        await owner.post(f"{url}/resume"),
    ):
        assert (answer.status, answer.json()["code"]) == (409, "campaign_status")


async def test_a_draft_has_no_run_to_ask_about_or_to_steer(owner: ApiClient, plan: Plan) -> None:
    url = await created(owner, plan)
    for path in ("report", "verify", "messages"):
        answer = await owner.get(f"{url}/{path}")
        assert (answer.status, answer.json()["code"]) == (404, "run_not_found")
    for verb in ("pause", "resume", "stop"):
        assert (await owner.post(f"{url}/{verb}")).status == 409
    assert (await owner.put(f"{url}/speed", json={"messages_per_second": 5})).status == 409


async def test_report_messages_and_proof_of_a_run_that_was_frozen(
    owner: ApiClient, viewer: ApiClient, plan: Plan, services: Services
) -> None:
    url = await frozen(services, owner, plan)
    report = (await viewer.get(f"{url}/report")).json()
    assert report["figures"]["states"] == {"queued": 10, "duplicate": 2}
    assert (report["excluded"], report["failures"], report["timings"]) == ({"same_address": 2}, [], None)
    assert report["run"]["id"] in report["temporal_url"]

    first = (await viewer.get(f"{url}/messages", query={"limit": 9})).json()
    rest = (await viewer.get(f"{url}/messages", query={"limit": 9, "after": first["next"]})).json()
    assert [item["number"] for page in (first, rest) for item in page["items"]] == list(range(1, 13))
    assert rest["next"] is None
    duplicates = (await viewer.get(f"{url}/messages", query={"state": "duplicate"})).json()["items"]
    assert [(item["number"], item["reason"]) for item in duplicates] == [(11, "same_address"), (12, "same_address")]
    assert (await viewer.get(f"{url}/messages", query={"state": "lost"})).status == 422

    proof = (await viewer.get(f"{url}/verify")).json()
    assert (proof["balanced"], proof["counted"], proof["frozen"]) == (True, 12, None)
    assert proof["ledger"] == proof["counters"] == {"queued": 10, "duplicate": 2}
    await services.database.pool.execute("DELETE FROM message WHERE number = 1")
    proof = (await viewer.get(f"{url}/verify")).json()
    assert (proof["balanced"], proof["counted"], proof["ledger"]["queued"]) == (False, 11, 9)


async def test_the_providers_log_is_not_asked_for_by_who_may_only_read(
    owner: ApiClient, viewer: ApiClient, plan: Plan, services: Services
) -> None:
    url = await frozen(services, owner, plan)
    assert (await viewer.get(f"{url}/verify", query={"provider": "true"})).status == 403
    book = (await owner.get(f"{url}/verify", query={"provider": "true"})).json()["provider"]
    assert book["agrees"] is None
    assert book["reason"]


async def test_a_campaign_of_another_workspace_does_not_exist(
    client: ApiClient, owner: ApiClient, plan: Plan, services: Services, headers_of: HeaderMaker
) -> None:
    url = await created(owner, plan)
    stranger = client.having(await headers_of(Role.OWNER, await another_workspace(services)))
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/estimate"),
        ("GET", "/report"),
        ("GET", "/verify"),
        ("GET", "/messages"),
        *(("POST", f"/{verb}") for verb in ("launch", "pause", "resume", "stop", "archive")),
    ):
        answer = await stranger.call(method, url + path, json={} if method == "PATCH" else None)
        assert (answer.status, answer.json()["code"]) == (404, "campaign_not_found"), (method, path)
    assert (await stranger.get("/v1/campaigns")).json()["items"] == []


async def test_who_may_not_manage_campaigns_only_looks(developer: ApiClient, owner: ApiClient, plan: Plan) -> None:
    url = await created(owner, plan)
    assert (await developer.get(url)).status == 200
    for answer in (
        await developer.post("/v1/campaigns", json={"name": "Mine"}),
        await developer.patch(url, json={"name": "Mine"}),
        *[await developer.post(f"{url}/{verb}") for verb in ("launch", "pause", "resume", "stop", "archive")],
    ):
        assert (answer.status, answer.json()["code"]) == (403, "role")
