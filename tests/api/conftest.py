"""The application in process, and a key for each role."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.app import create_app
from heliograph.db.tables import Workspace
from heliograph.domain.vocabulary import Role
from heliograph.services.api_keys import make_key
from heliograph.services.context import Services
from tests.api.client import ApiClient, running

HeaderMaker = Callable[[Role, Workspace], Awaitable[dict[str, str]]]


@pytest.fixture
def app(services: Services) -> FastAPI:
    """The application on the test's services."""
    return create_app(services)


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[ApiClient]:
    """Calls the application, which is started; carries no key."""
    async with running(app):
        yield ApiClient(app, {})


@pytest.fixture
def headers_of(services: Services) -> HeaderMaker:
    """Makes a key of a role in a workspace; the headers that carry it."""

    async def make(role: Role, workspace: Workspace) -> dict[str, str]:
        new = make_key(workspace.id, f"the {role.value}", role)
        async with services.database.unit_of_work() as session:
            session.add(new.api_key)
        return {"Authorization": f"Bearer {new.text}"}

    return make


@pytest_asyncio.fixture
async def owner(client: ApiClient, workspace: Workspace, headers_of: HeaderMaker) -> ApiClient:
    """A client with an owner's key."""
    return client.having(await headers_of(Role.OWNER, workspace))


@pytest_asyncio.fixture
async def admin(client: ApiClient, workspace: Workspace, headers_of: HeaderMaker) -> ApiClient:
    """A client with an admin's key."""
    return client.having(await headers_of(Role.ADMIN, workspace))


@pytest_asyncio.fixture
async def approver(client: ApiClient, workspace: Workspace, headers_of: HeaderMaker) -> ApiClient:
    """A client with an approver's key."""
    return client.having(await headers_of(Role.APPROVER, workspace))


@pytest_asyncio.fixture
async def marketer(client: ApiClient, workspace: Workspace, headers_of: HeaderMaker) -> ApiClient:
    """A client with a marketer's key."""
    return client.having(await headers_of(Role.MARKETER, workspace))


@pytest_asyncio.fixture
async def developer(client: ApiClient, workspace: Workspace, headers_of: HeaderMaker) -> ApiClient:
    """A client with a developer's key."""
    return client.having(await headers_of(Role.DEVELOPER, workspace))


@pytest_asyncio.fixture
async def viewer(client: ApiClient, workspace: Workspace, headers_of: HeaderMaker) -> ApiClient:
    """A client with a viewer's key."""
    return client.having(await headers_of(Role.VIEWER, workspace))
