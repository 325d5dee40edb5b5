"""The application in process on a simulated Twilio, and a key for each role."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from temporalio.client import Client

from api.app import create_app
from heliograph.db.engine import Database
from heliograph.db.tables import Connector, Workspace
from heliograph.db.workspaces import list_workspaces
from heliograph.domain.vocabulary import Role
from heliograph.secrets import KeyRing
from heliograph.services.api_keys import make_key
from heliograph.services.connectors import list_connectors, save_credentials
from heliograph.services.context import Actor, Services
from heliograph.services.workspaces import bootstrap
from heliograph.settings import Settings
from tests.api.client import ApiClient, running
from tests.api.simulated_twilio import GOOD, SimulatedTwilio, simulated_twilio

HeaderMaker = Callable[[Role, Workspace], Awaitable[dict[str, str]]]


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[SimulatedTwilio]:
    """A Twilio to check credentials and senders with."""
    async with simulated_twilio() as running_twilio:
        yield running_twilio


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, tmp_path: Path, twilio: SimulatedTwilio
) -> AsyncIterator[Services]:
    """The doors of a process whose Twilio is the simulated one."""
    settings = Settings(data_dir=tmp_path, provider_check_retry_seconds=0.01, simulator_url=twilio.url)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def workspace(database: Database) -> Workspace:
    """A live workspace as a newcomer finds it: Twilio is there, not authenticated."""
    await bootstrap(database)
    async with database.unit_of_work() as session:
        return (await list_workspaces(session))[0]


@pytest_asyncio.fixture
async def connector(services: Services, workspace: Workspace) -> Connector:
    """The workspace's Twilio, not authenticated yet."""
    (only,) = await list_connectors(services, Actor(workspace.id, Role.OWNER, "test"))
    return only


@pytest_asyncio.fixture
async def authenticated(services: Services, connector: Connector) -> Connector:
    """The workspace's Twilio with valid credentials."""
    actor = Actor(connector.workspace_id, Role.OWNER, "test")
    saved, _ = await save_credentials(services, actor, connector.id, GOOD)
    return saved


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
