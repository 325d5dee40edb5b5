"""Opens the doors that services work through, for a process that has no doors of its own yet."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
from temporalio.client import Client

from heliograph.db.engine import Database, open_database
from heliograph.db.tables import Workspace
from heliograph.db.workspaces import list_workspaces
from heliograph.errors import Unavailable
from heliograph.secrets import KeyRing, load_key_ring
from heliograph.services.context import Services
from heliograph.settings import Settings
from heliograph.temporal.client import connect


@asynccontextmanager
async def open_services(
    settings: Settings, *, application: str, lazy_temporal: bool = False
) -> AsyncIterator[Services]:
    """Database, Temporal and key ring, closed at the end; `Unavailable` names the door that does not open.

    With `lazy_temporal` Temporal is connected to at its first use, and may be away until then.
    """
    async with AsyncExitStack() as doors:
        database = await _open_database(doors, settings, application)
        key_ring = load_key_ring(settings)
        temporal = await _open_temporal(settings, key_ring, lazy=lazy_temporal)
        services = Services(settings, database, key_ring, temporal)
        doors.push_async_callback(services.aclose)
        yield services


async def _open_database(doors: AsyncExitStack, settings: Settings, application: str) -> Database:
    if settings.database_url is None:
        raise Unavailable("no database: start `heliograph up`, or set HELIOGRAPH_DATABASE_URL")
    opening = open_database(settings.database_url, pool_size=settings.database_pool_size, application=application)
    try:
        return await doors.enter_async_context(opening)
    except (OSError, asyncpg.PostgresError) as error:
        raise Unavailable(f"PostgreSQL cannot be reached: {error}; `heliograph doctor` tells more") from error


async def _open_temporal(settings: Settings, key_ring: KeyRing, *, lazy: bool) -> Client:
    try:
        return await connect(settings, key_ring, lazy=lazy)
    except RuntimeError as error:  # what the SDK raises when the first call does not get through
        address = settings.temporal_address or "127.0.0.1:7233"
        raise Unavailable(f"Temporal cannot be reached at {address}; `heliograph doctor` tells more") from error


async def all_workspaces(services: Services) -> Sequence[Workspace]:
    """Every workspace of this installation, oldest first: for the operator at the command line, who is no actor yet."""
    async with services.database.unit_of_work() as session:
        return await list_workspaces(session)
