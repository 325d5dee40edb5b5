from heliograph.services.context import Services
from tests.api.client import ApiClient


async def test_a_process_with_its_database_is_ready(client: ApiClient) -> None:
    answer = await client.get("/health")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


async def test_a_process_without_its_database_lives_but_is_not_ready(client: ApiClient, services: Services) -> None:
    await services.database.pool.close()

    answer = await client.get("/health")

    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert (await client.get("/health/live")).status == 200
