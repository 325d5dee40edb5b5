"""Real parts for every test: PostgreSQL from the wheel, one server a session, one database a test module."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.db.engine import Database, open_database
from heliograph.db.migrate import migrate
from heliograph.db.tables import Workspace
from heliograph.domain.vocabulary import Role, WorkspaceMode
from heliograph.secrets import KeyRing
from heliograph.services.context import Actor, Services
from heliograph.settings import Settings, settings
from heliograph.stack.ports import free_port
from heliograph.stack.postgres import EmbeddedPostgres
from heliograph.stack.temporal_server import DYNAMIC_CONFIGURATION, temporal_program
from heliograph.temporal.plugin import HeliographPlugin
from tests.ledger_guard import install_guard
from tests.skips import fail_on_skips

_ONLY_HERE = {"history.timerProcessorMaxTimeShift": '"50ms"'}
"""A timer may fire so much early: tests wait for many."""

_exit_status = 0


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Notes how the session ended; in CI a skip is a failure."""
    global _exit_status  # noqa: PLW0603 - pytest hands it to one hook and lets another be the last
    fail_on_skips(session)
    _exit_status = session.exitstatus


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Leaves without tearing the interpreter down: Temporal's SDK can abort it there (sdk-python issue 300)."""
    if "temporalio.bridge.temporal_sdk_bridge" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_status)


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


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    """No test sees the settings that another one's environment made."""
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server; its `heliograph` database is the template: the present schema, and the guard of the ledger."""
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
    connection = await asyncpg.connect(server.url)
    await install_guard(connection)
    await connection.close()


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


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Temporal server, in memory, one a session."""
    port = free_port()
    configuration = {**DYNAMIC_CONFIGURATION, **_ONLY_HERE}
    options = [option for each in configuration.items() for option in ("--dynamic-config-value", "=".join(each))]
    address = ("--ip", "127.0.0.1", "--port", str(port))
    command = [str(temporal_program()), "server", "start-dev", "--headless", *address, *options]
    log = (tmp_path_factory.mktemp("temporal") / "log").open("w")
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            asyncio.run(_listens(port, process))
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


async def _listens(port: int, process: subprocess.Popen[bytes], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        assert process.poll() is None, "the Temporal server ended at its start: see its log"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert time.monotonic() < deadline, "the Temporal server does not listen"
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


@pytest.fixture(scope="session")
def key_ring() -> KeyRing:
    """One key, made for this session."""
    return KeyRing({"test": os.urandom(32)})


@pytest_asyncio.fixture
async def temporal_client(temporal_server: str, key_ring: KeyRing) -> Client:
    """A client with our converter, codec and interceptors."""
    return await Client.connect(temporal_server, plugins=[HeliographPlugin(key_ring)])


@pytest_asyncio.fixture
async def services(
    database: Database, key_ring: KeyRing, temporal_client: Client, tmp_path: Path
) -> AsyncIterator[Services]:
    """The doors of a process, on real PostgreSQL and real Temporal."""
    settings = Settings(data_dir=tmp_path, provider_check_retry_seconds=0.01)
    opened = Services(settings, database, key_ring, temporal_client)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def workspace(database: Database) -> Workspace:
    """A live workspace with nothing in it."""
    row = Workspace(name="Main", mode=WorkspaceMode.LIVE)
    async with database.unit_of_work() as session:
        session.add(row)
    return row


@pytest.fixture
def owner_actor(workspace: Workspace) -> Actor:
    """An owner of the workspace, for calling services."""
    return Actor(workspace.id, Role.OWNER, "owner")
