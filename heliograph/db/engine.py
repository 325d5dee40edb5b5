"""Connections: one asyncpg pool for rows by the thousand, one SQLModel session factory for the nouns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import orjson
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

# asyncpg ships no types: these names say what is meant and stand in one place until it does.
Connection: TypeAlias = Any
Pool: TypeAlias = Any


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _leave_as_it_is(connection: Connection) -> None:
    """Nothing of ours changes a session (transactions end with their blocks, settings and locks with transactions).

    The usual reset would cost a round trip and four statements at each release, more than many a query of ours.
    """


async def _prepare(connection: Connection) -> None:
    """JSONB columns arrive and leave as Python values."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_dumps, decoder=orjson.loads)


@dataclass(frozen=True)
class Database:
    """Both doors to one PostgreSQL."""

    pool: Pool
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes are committed together at the end, or not at all."""
        async with self.sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A pooled asyncpg connection in a transaction."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection


async def raw_connection(session: AsyncSession) -> Connection:
    """The asyncpg connection of a session, inside its transaction: for statements that are not the ORM's."""
    held = await (await session.connection()).get_raw_connection()
    return held.driver_connection


@asynccontextmanager
async def open_database(url: str, *, pool_size: int = 8, application: str = "heliograph") -> AsyncIterator[Database]:
    """Opens both pools on `postgresql://…` and closes them at the end."""
    address = make_url(url)
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    pool = await asyncpg.create_pool(
        plain,
        min_size=1,
        max_size=pool_size,
        init=_prepare,
        reset=_leave_as_it_is,
        server_settings={"application_name": application},
    )
    engine = create_async_engine(
        address.set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,  # an error text must not hold addresses and bodies
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={"server_settings": {"application_name": application}},
    )
    try:
        yield Database(pool, engine, async_sessionmaker(engine, expire_on_commit=False, class_=AsyncSession))
    finally:
        await engine.dispose()
        await pool.close()
