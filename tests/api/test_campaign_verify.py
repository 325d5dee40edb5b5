"""GET /v1/campaigns/{id}/verify with the provider's own book."""

import pytest_asyncio

from api.campaigns import VerificationAnswer
from heliograph.db.tables import Workspace
from heliograph.domain.vocabulary import Role, WorkspaceMode
from heliograph.services.context import Services
from tests.api.client import ApiClient
from tests.api.conftest import HeaderMaker
from tests.db.ledger import Seeded, seed_run


@pytest_asyncio.fixture
async def seeded(services: Services) -> Seeded:
    """A run of two that nobody has tried to send yet."""
    return await seed_run(services.database, 2)


async def client_of(client: ApiClient, headers_of: HeaderMaker, seeded: Seeded, role: Role) -> ApiClient:
    """A client of the run's workspace."""
    workspace = Workspace(id=seeded.workspace_id, name="Main", mode=WorkspaceMode.TEST)
    return client.having(await headers_of(role, workspace))


async def test_the_provider_book_comes_only_when_it_is_asked_for(
    client: ApiClient, headers_of: HeaderMaker, seeded: Seeded, services: Services
) -> None:
    marketer = await client_of(client, headers_of, seeded, Role.MARKETER)
    path = f"/v1/campaigns/{seeded.campaign_id}/verify"
    assert (await marketer.call("GET", path)).json()["provider"] is None
    of_an_open_run = (await marketer.call("GET", path, query={"provider": "true"})).json()
    assert of_an_open_run["balanced"] is True
    assert of_an_open_run["provider"]["agrees"] is None
    assert "once it is closed" in of_an_open_run["provider"]["reason"]
    await services.database.pool.execute("UPDATE run SET status = 'STOPPED' WHERE id = $1", seeded.run_id)
    answer = await marketer.call("GET", path, query={"provider": "true"})
    found = VerificationAnswer.model_validate(answer.json()).provider
    assert found is not None
    assert found.agrees
    assert found.comparison is not None
    assert (found.comparison.listed, found.comparison.accepted_in_ledger) == (0, 0)


async def test_a_viewer_may_verify_but_not_ask_the_provider(
    client: ApiClient, headers_of: HeaderMaker, seeded: Seeded
) -> None:
    viewer = await client_of(client, headers_of, seeded, Role.VIEWER)
    path = f"/v1/campaigns/{seeded.campaign_id}/verify"
    assert (await viewer.call("GET", path)).status == 200
    assert (await viewer.call("GET", path, query={"provider": "true"})).status == 403
