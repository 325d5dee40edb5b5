"""Communication reports over the API: pages, filters, and exports from the request to the file and its end."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from activities.exports import ExportActivities
from heliograph.contracts import Lane
from heliograph.db.tables import Workspace
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Role
from heliograph.services.context import Actor, Services
from heliograph.services.exporting.file import export_path
from heliograph.services.exports import remove_expired_exports, wait_for_export
from tests.api.client import Answer, ApiClient
from tests.api.conftest import HeaderMaker
from tests.db.ledger import Seeded, seed_run
from tests.past import seed_messages
from tests.services.exporting.exports import reread
from worker import build_worker

COMMUNICATIONS = "/v1/reports/communications"
EXPORTS = f"{COMMUNICATIONS}/exports"


@pytest_asyncio.fixture
async def seeded(services: Services) -> Seeded:
    """A run with three delivered messages and one that failed."""
    run = await seed_run(services.database, 0)
    await seed_messages(services.database.pool, run, 3, MessageState.DELIVERED)
    await seed_messages(services.database.pool, run, 1, MessageState.FAILED, first=4, error_code="30005")
    return run


@pytest_asyncio.fixture
async def caller(client: ApiClient, services: Services, seeded: Seeded, headers_of: HeaderMaker) -> ApiClient:
    """A marketer of the run's workspace."""
    return client.having(await headers_of(Role.MARKETER, await workspace_of(services, seeded)))


@pytest_asyncio.fixture
async def worker(services: Services) -> AsyncIterator[None]:
    """Carries exports out."""
    exports = ExportActivities(services.database, services.settings)
    async with build_worker(services.temporal, Lane.CONTROL, [exports.export_report]):
        yield


async def workspace_of(services: Services, seeded: Seeded) -> Workspace:
    async with services.database.unit_of_work() as session:
        found = await session.get(Workspace, seeded.workspace_id)
    assert found is not None
    return found


async def ended(services: Services, seeded: Seeded, export: dict[str, Any]) -> None:
    await wait_for_export(services, Actor(seeded.workspace_id, Role.OWNER, "test"), export["id"])


async def test_every_communication_is_told_with_its_error(caller: ApiClient, seeded: Seeded) -> None:
    answer = await caller.get(COMMUNICATIONS)
    assert answer.status == 200, answer.json()
    assert [each["state"] for each in answer.json()["items"]] == ["failed", "delivered", "delivered", "delivered"]
    failed = answer.json()["items"][0]
    assert (failed["status"], failed["error_code"], failed["address"]) == ("error", "30005", "+14150000004")
    assert (failed["run_id"], failed["campaign"], failed["template"]) == (str(seeded.run_id), "Spring", "Greeting")


async def test_pages_go_on_where_the_one_before_ended(caller: ApiClient) -> None:
    first = (await caller.get(COMMUNICATIONS, query={"limit": 3})).json()
    rest = (await caller.get(COMMUNICATIONS, query={"limit": 3, "after": first["next"]})).json()
    addresses = [each["address"][-1] for each in first["items"] + rest["items"]]
    assert (addresses, rest["next"]) == (["4", "3", "2", "1"], None)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=error", 1),
        ("status=success&channel=sms", 3),
        ("channel=email", 0),
        ("address=%2B1%20(201)%20555-0123", 1),
        ("address=someone@example.com", 0),
        ("from=2020-01-01T00:00:00Z", 4),
        ("until=2020-01-01T00:00:00Z", 0),
        ("from=1800-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", 4),
        ("run_id=0198f2a0-0000-7000-8000-000000000000", 0),
    ],
)
async def test_filters_narrow_the_report(caller: ApiClient, services: Services, query: str, count: int) -> None:
    await services.database.pool.execute("UPDATE message SET address = '+12015550123' WHERE number = 4")
    answer = await caller.get(f"{COMMUNICATIONS}?{query}")
    assert answer.status == 200, answer.json()
    assert len(answer.json()["items"]) == count


async def test_a_plus_that_nobody_encoded_is_understood(caller: ApiClient, services: Services) -> None:
    await services.database.pool.execute("UPDATE message SET address = '+12015550123' WHERE number = 4")
    assert len((await caller.get(f"{COMMUNICATIONS}?address=+12015550123")).json()["items"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
        ({"from": "2026-01-02T00:00:00"}, "from"),
        ({"address": "hello"}, "address"),
        ({"address": "a@"}, "address"),
        ({"address": "a\0"}, "address"),
        ({"status": "great"}, "status"),
        ({"channel": "push"}, "channel"),
        ({"run_id": "1"}, "run_id"),
        ({"after": "x"}, "after"),
    ],
)
async def test_a_bad_filter_is_refused_with_its_rule(caller: ApiClient, query: dict[str, str], field: str) -> None:
    answers = [await caller.get(COMMUNICATIONS, query=query)]
    if field != "after":
        answers.append(await caller.post(EXPORTS, json=query))
    for answer in answers:
        assert answer.status == 422
        assert answer.json()["errors"][0]["field"] == field


async def test_another_workspace_sees_nothing_of_it(viewer: ApiClient, seeded: Seeded) -> None:
    assert (await viewer.get(COMMUNICATIONS)).json() == {"items": [], "next": None}
    assert (await viewer.get(COMMUNICATIONS, query={"run_id": str(seeded.run_id)})).json()["items"] == []


async def test_an_export_ends_in_a_file(caller: ApiClient, services: Services, seeded: Seeded, worker: None) -> None:
    made = await caller.post(EXPORTS, json={"status": "error"})
    assert (made.status, made.json()["status"], made.json()["filters"]["status"]) == (202, "running", "error")
    await ended(services, seeded, made.json())
    export = (await caller.get(f"/v1/reports/exports/{made.json()['id']}")).json()
    assert (export["status"], export["percent"], export["rows"]) == ("completed", 100, 1)
    assert (await caller.get("/v1/reports/exports")).json()["items"] == [export]
    file: Answer = await caller.get(export["file_url"].removeprefix(services.settings.public_url))
    assert (file.status, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert len(file.body) == export["size"] == int(file.headers["content-length"])
    assert [line.split(",")[5] for line in file.body.decode().splitlines()] == ["address", "+14150000004"]


async def test_a_repeated_request_makes_one_export(caller: ApiClient) -> None:
    answers = [await caller.post(EXPORTS, json={}, headers={"Idempotency-Key": "monthly"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await caller.get("/v1/reports/exports")).json()["items"]) == 1


async def test_a_file_is_not_there_before_the_end_nor_after_its_time(
    caller: ApiClient, services: Services, seeded: Seeded, client: ApiClient
) -> None:
    made = (await caller.post(EXPORTS, json={"address": "+12015550123"})).json()
    running = await caller.get(f"/v1/reports/exports/{made['id']}/file")
    assert (running.status, running.json()["code"]) == (409, "export_running")
    exports = ExportActivities(services.database, services.settings)
    async with build_worker(services.temporal, Lane.CONTROL, [exports.export_report]):
        await ended(services, seeded, made)
    assert await remove_expired_exports(services.database, services.settings) == 0
    await services.database.pool.execute("UPDATE report_export SET expires_at = now()")
    assert await remove_expired_exports(services.database, services.settings) == 1
    gone = await caller.get(f"/v1/reports/exports/{made['id']}/file")
    assert (gone.status, gone.json()["code"]) == (404, "export_expired")
    record = await reread(services.database, made["id"])
    assert (record.status.value, record.filters) == ("expired", {})
    assert not export_path(services.settings, record.id).exists()


async def test_exports_take_more_than_a_viewers_role_and_leave_a_trace(
    caller: ApiClient,
    client: ApiClient,
    services: Services,
    seeded: Seeded,
    headers_of: HeaderMaker,
    worker: None,
) -> None:
    workspace = await workspace_of(services, seeded)
    made = (await caller.post(EXPORTS, json={"address": "+12015550123", "status": "error"})).json()
    await ended(services, seeded, made)
    assert (await caller.get(f"/v1/reports/exports/{made['id']}/file")).status == 200
    viewer = client.having(await headers_of(Role.VIEWER, workspace))
    assert (await viewer.get(COMMUNICATIONS)).status == 200
    for refused in (
        await viewer.post(EXPORTS, json={}),
        await viewer.get("/v1/reports/exports"),
        await viewer.get(f"/v1/reports/exports/{made['id']}/file"),
    ):
        assert (refused.status, refused.json()["code"]) == (403, "role")
    owner = client.having(await headers_of(Role.OWNER, workspace))
    entries = (await owner.get("/v1/audit-entries", query={"noun": "report_export"})).json()["items"]
    assert [each["action"] for each in entries] == ["report_export.download", "report_export.start"]
    assert entries[1]["detail"] == {"status": "error", "by_address": True}


async def test_an_export_of_another_workspace_is_not_found(admin: ApiClient, caller: ApiClient) -> None:
    made = (await caller.post(EXPORTS, json={})).json()
    for address in (f"/v1/reports/exports/{made['id']}", f"/v1/reports/exports/{made['id']}/file"):
        answer = await admin.get(address)
        assert (answer.status, answer.json()["code"]) == (404, "export_not_found")
