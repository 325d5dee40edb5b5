"""Real parts for every test: PostgreSQL from the wheel, one server a session, one database a test module."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from heliograph.db.engine import Database, open_database
from heliograph.db.migrate import migrate
from heliograph.stack.ports import free_port
from heliograph.stack.postgres import EmbeddedPostgres


async def _answers(url: str, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server; its `template` database holds the present schema."""
    directory: Path = tmp_path_factory.mktemp("postgres") / "data"
    server = EmbeddedPostgres(directory, free_port())
    server.initialise()
    command = [*server.command, "-c", "fsync=off", "-c", "max_connections=200"]
    log = (directory.parent / "log").open("w")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            asyncio.run(_prepare_template(server))
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


async def _prepare_template(server: EmbeddedPostgres) -> None:
    await _answers(server.url)
    await migrate(server.url)


@pytest_asyncio.fixture
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh database with the present schema, copied from the template."""
    name = f"test_{uuid4().hex}"
    maintenance = postgres.url.rsplit("/", 1)[0] + "/postgres"
    connection = await asyncpg.connect(maintenance)
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE heliograph STRATEGY file_copy')
    try:
        yield postgres.url.rsplit("/", 1)[0] + f"/{name}"
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Both doors to the fresh database."""
    async with open_database(database_url) as opened:
        yield opened
