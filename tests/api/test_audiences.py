"""Audiences over HTTP: uploads in pieces, progress, rejects, refusals."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from heliograph.services.context import Services
from heliograph.services.importing.run import run_import
from tests.api.client import Answer, ApiClient

CSV = b"phone,name\n+4915123456701,Anna\n=1+1,Eve\n+4915123456701,Anna\n"


def _multipart(
    data: bytes, *, file_field: str = "file", end: bool = True, **fields: str
) -> tuple[bytes, dict[str, str]]:
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--cut\r\nContent-Disposition: form-data; name="{file_field}"; filename="../li\tst.csv"\r\n\r\n'
    parts.insert(len(parts) // 2, head.encode() + data + b"\r\n")
    return b"".join(parts) + (b"--cut--\r\n" if end else b""), {"content-type": "multipart/form-data; boundary=cut"}


async def _audience(client: ApiClient) -> str:
    made = await client.post("/v1/audiences", json={"name": "Spring", "default_region": "DE"})
    assert made.status == 201
    return str(made.json()["id"])


async def _upload(client: ApiClient, audience: str, data: bytes = CSV, *, pieces: int = 7, **rest: Any) -> Answer:
    body, headers = _multipart(data, **rest)
    chunks = [body[start : start + pieces] for start in range(0, len(body), pieces)]
    return await client.post(f"/v1/audiences/{audience}/imports", body=chunks, headers=headers)


async def _finish(services: Services, answer: Answer) -> None:
    record = answer.json()
    row = await services.database.pool.fetchrow(
        "SELECT workspace_id, reject_path FROM audience_import WHERE id = $1", UUID(record["id"])
    )
    await run_import(services.database, row["workspace_id"], UUID(record["id"]), rejects=Path(row["reject_path"]))


async def test_a_file_arrives_in_pieces_and_its_import_can_be_followed(owner: ApiClient, services: Services) -> None:
    audience = await _audience(owner)
    started = await _upload(owner, audience, region="DE", separator=",")
    assert started.status == 201, started.json()
    assert (started.json()["status"], started.json()["file_name"], started.json()["size"]) == (
        "running",
        "list.csv",
        len(CSV),
    )
    await _finish(services, started)
    url = f"/v1/audiences/{audience}/imports/{started.json()['id']}"
    done = (await owner.get(url)).json()
    assert (done["status"], done["percent"], done["rows_added"], done["duplicates"]) == ("completed", 100, 2, 1)
    assert done["reasons"] == [{"rule": "not_a_number", "reason": "is not a phone number", "rows": 1}]
    rejects = await owner.get(f"{url}/rejects")
    assert rejects.headers["content-type"].startswith("text/csv")
    assert rejects.body.splitlines()[1] == b"3,phone,not_a_number,is not a phone number,'=1+1,Eve"
    rows = (await owner.get(f"/v1/audiences/{audience}/rows", query={"limit": 1})).json()
    assert rows["items"][0]["variables"] == {"name": "Anna"}
    assert rows["next"] is not None
    assert (await owner.get(f"/v1/audiences/{audience}")).json()["row_count"] == 2
    assert len((await owner.get(f"/v1/audiences/{audience}/imports")).json()["items"]) == 1


async def test_the_same_upload_again_answers_200_with_the_first_import(owner: ApiClient, services: Services) -> None:
    audience = await _audience(owner)
    first = await _upload(owner, audience)
    await _finish(services, first)
    again = await _upload(owner, audience)
    assert (again.status, again.json()["id"]) == (200, first.json()["id"])


async def test_an_upload_with_an_idempotency_key_can_be_repeated(owner: ApiClient) -> None:
    audience = await _audience(owner)
    keyed = owner.having({"Idempotency-Key": "upload-1"})
    first, again = await _upload(keyed, audience), await _upload(keyed, audience)
    assert (first.status, again.json()["id"]) == (201, first.json()["id"])


@pytest.mark.parametrize(
    ("data", "rest", "status", "field"),
    [
        (b"", {}, 422, "file"),
        (b"PK\x03\x04", {}, 422, "file"),
        (b"id,name\n1,2\n", {}, 422, "phone_column"),
        (CSV, {"region": "Narnia"}, 422, "region"),
        (CSV, {"colour": "red"}, 422, "colour"),
        (CSV, {"region": "x" * 2000}, 422, "region"),
        (CSV, {"file_field": "upload"}, 422, "file"),
    ],
)
async def test_a_bad_upload_is_refused_by_field(
    owner: ApiClient, services: Services, data: bytes, rest: dict[str, Any], status: int, field: str
) -> None:
    refused = await _upload(owner, await _audience(owner), data, **rest)
    assert (refused.status, refused.json()["errors"][0]["field"]) == (status, field)
    uploads = services.settings.data_dir / "uploads"
    assert not await asyncio.to_thread(lambda: list(uploads.glob("*")))


async def test_an_upload_that_breaks_off_is_a_bad_request(owner: ApiClient) -> None:
    audience = await _audience(owner)
    assert (await _upload(owner, audience, end=False)).status == 400
    body, headers = b"not multipart at all", {"content-type": "multipart/form-data; boundary=cut"}
    assert (await owner.post(f"/v1/audiences/{audience}/imports", body=body, headers=headers)).status == 400
    nothing = await owner.post(f"/v1/audiences/{audience}/imports", body=b"x", headers={"content-type": "text/plain"})
    assert nothing.status == 422


async def test_a_path_of_the_server_is_refused_unless_listed(owner: ApiClient) -> None:
    audience = await _audience(owner)
    refused = await owner.post(f"/v1/audiences/{audience}/imports", json={"path": "/etc/passwd"})
    assert (refused.status, refused.json()["code"]) == (403, "import_directories")
    assert (await owner.post(f"/v1/audiences/{audience}/imports", json={"file": "x"})).status == 422


async def test_a_preview_stores_nothing(owner: ApiClient) -> None:
    audience = await _audience(owner)
    body, headers = _multipart(CSV)
    preview = await owner.post(f"/v1/audiences/{audience}/imports/preview", body=body, headers=headers)
    assert preview.status == 200
    assert (preview.json()["phone_column"], preview.json()["variables"]) == ("phone", ["name"])
    assert (await owner.get(f"/v1/audiences/{audience}/imports")).json()["items"] == []


async def test_a_viewer_may_look_but_not_change_nor_download_rejects(
    owner: ApiClient, viewer: ApiClient, services: Services
) -> None:
    audience = await _audience(owner)
    started = await _upload(owner, audience)
    await _finish(services, started)
    assert (await viewer.get(f"/v1/audiences/{audience}")).status == 200
    assert (await _upload(viewer, audience)).status == 403
    assert (await viewer.post("/v1/audiences", json={"name": "Mine"})).status == 403
    assert (await viewer.get(f"/v1/audiences/{audience}/imports/{started.json()['id']}/rejects")).status == 403


async def test_an_audience_is_listed_changed_and_deleted(owner: ApiClient) -> None:
    audience = await _audience(owner)
    changed = await owner.patch(f"/v1/audiences/{audience}", json={"description": "All of them"})
    assert (changed.json()["name"], changed.json()["description"]) == ("Spring", "All of them")
    assert [item["id"] for item in (await owner.get("/v1/audiences")).json()["items"]] == [audience]
    assert (await owner.delete(f"/v1/audiences/{audience}")).status == 204
    assert (await owner.get(f"/v1/audiences/{audience}")).status == 404
