"""Brings what a stack stands on to the present version: the database's schema, Temporal's search attributes."""

from dataclasses import dataclass

import asyncpg
from temporalio.client import Client
from temporalio.service import RPCError

from heliograph.db.migrate import migrate
from heliograph.errors import Conflict, Unavailable
from heliograph.temporal.search_attributes import register_search_attributes

OLDEST_POSTGRESQL = 18
"""The first with `uuidv7()`."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What was missing in Temporal and was added."""

    search_attributes: list[str]


async def postgresql_version(url: str) -> int:
    """The major version of the server; `Unavailable` when it does not answer."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Unavailable(f"PostgreSQL cannot be reached: {error or 'no answer within 10 s'}") from error
    try:
        return int(connection.get_server_version().major)
    finally:
        await connection.close()


async def upgrade_database(url: str) -> None:
    """Applies the migrations that are missing; `Conflict` when the server is too old for our schema."""
    version = await postgresql_version(url)
    if version < OLDEST_POSTGRESQL:
        raise Conflict(
            f"HELIOGRAPH_DATABASE_URL names PostgreSQL {version}, and {OLDEST_POSTGRESQL} or newer is needed",
            code="postgresql_too_old",
        )
    await migrate(url)


async def upgrade_temporal(client: Client) -> Upgrade:
    """Registers the search attributes that are missing."""
    try:
        return Upgrade(await register_search_attributes(client))
    except (RPCError, RuntimeError) as error:
        raise Unavailable(
            f"the search attributes could not be registered in the Temporal namespace {client.namespace!r}: {error}"
        ) from error
