from fastapi import FastAPI, Request

from api.app import create_app
from heliograph.services.context import Services
from heliograph.settings import Settings
from tests.api.client import ApiClient


def small(services: Services) -> FastAPI:
    settings = Settings(body_limit=100, upload_limit=300)
    app = create_app(Services(settings, services.database, services.key_ring, services.temporal))

    @app.post("/reads")
    async def reads(request: Request) -> int:
        return len(await request.body())

    @app.post("/v1/audiences/{name}/imports/")
    async def uploads(request: Request, name: str) -> int:
        return len(await request.body())

    return app


async def test_a_body_of_the_limit_passes_and_one_byte_more_does_not(services: Services) -> None:
    client = ApiClient(small(services), {})
    assert (await client.post("/reads", body=b"x" * 100)).json() == 100
    answer = await client.post("/reads", body=b"x" * 101)
    assert (answer.status, answer.json()["code"]) == (413, "payload_too_large")


async def test_a_body_that_does_not_say_its_size_is_counted(services: Services) -> None:
    client = ApiClient(small(services), {})
    assert (await client.post("/reads", body=[b"x" * 50, b"x" * 50])).status == 200
    assert (await client.post("/reads", body=[b"x" * 50, b"x" * 51])).status == 413


async def test_a_body_that_lies_about_its_size_is_counted(services: Services) -> None:
    client = ApiClient(small(services), {})
    assert (await client.post("/reads", body=b"x" * 101, headers={"content-length": "7"})).status == 413


async def test_a_huge_declared_size_is_refused_before_the_body_is_read(services: Services) -> None:
    client = ApiClient(small(services), {})
    for declared in ("101", "9" * 30):
        assert (await client.post("/reads", body=b"x", headers={"content-length": declared})).status == 413


async def test_a_nonsensical_declared_size_is_passed_over(services: Services) -> None:
    client = ApiClient(small(services), {})
    assert (await client.post("/reads", body=b"x", headers={"content-length": "many"})).json() == 1


async def test_uploads_have_their_own_limit(services: Services) -> None:
    client = ApiClient(small(services), {})
    assert (await client.post("/v1/audiences/a/imports/", body=[b"x" * 150, b"x" * 150])).json() == 300
    assert (await client.post("/v1/audiences/a/imports/", body=[b"x" * 150, b"x" * 151])).status == 413


async def test_a_json_body_over_the_limit_is_413_and_not_a_parsing_error(services: Services, owner: ApiClient) -> None:
    client = ApiClient(small(services), owner.headers)
    answer = await client.post("/v1/api-keys", json={"name": "x" * 200, "role": "viewer"})
    assert answer.status == 413
