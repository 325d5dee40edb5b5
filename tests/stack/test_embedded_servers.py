"""PostgreSQL and Temporal themselves under the supervisor."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from heliograph.errors import Conflict
from heliograph.secrets import load_key_ring
from heliograph.stack.description import read_stack
from heliograph.stack.events import EventKind
from heliograph.stack.layout import Ports
from heliograph.stack.running import RunningStack, running_stack
from heliograph.temporal.client import connect
from heliograph.temporal.search_attributes import missing_search_attributes
from tests.stack.small_parts import Reported, gone

SERVERS = ("postgres", "temporal")


@asynccontextmanager
async def servers(directory: Path, reported: Reported, ports: Ports | None = None) -> AsyncIterator[RunningStack]:
    async with running_stack(directory, parts=SERVERS, ports=ports, report=reported, ready_within=60) as stack:
        yield stack


async def execute(stack: RunningStack, statement: str) -> object:
    connection = await asyncpg.connect(stack.doors.database)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def pid_of(stack: RunningStack, name: str) -> int:
    pid = stack.parts[name].pid
    assert pid is not None
    return pid


@pytest.mark.slow
async def test_killed_servers_come_back_with_their_data_and_the_next_stack_opens_the_same_doors(tmp_path: Path) -> None:
    reported = Reported()
    async with servers(tmp_path, reported, Ports.free()) as stack:
        doors = stack.doors
        await execute(stack, "CREATE TABLE kept AS SELECT 42 AS answer")
        with pytest.raises(Conflict, match="runs on"):
            async with servers(tmp_path, Reported()):
                pass
        for name in SERVERS:
            os.kill(pid_of(stack, name), signal.SIGKILL)
            await reported.until(EventKind.READY, name, count=2)
        assert await execute(stack, "SELECT answer FROM kept") == 42
        found = read_stack(tmp_path)
        assert found is not None
        assert found.parts == stack.parts, "stack.json knows the processes of after the crash"
        pids = [pid_of(stack, name) for name in SERVERS]
    await gone(*pids)
    assert read_stack(tmp_path) is None

    async with servers(tmp_path, Reported()) as stack:
        assert stack.doors == doors
        assert await execute(stack, "SELECT answer FROM kept") == 42
        assert (tmp_path / "api-key").exists()


@pytest.mark.slow
async def test_the_temporal_server_knows_our_search_attributes_and_another_namespace(tmp_path: Path) -> None:
    environment = {"TEMPORAL_NAMESPACE": "campaigns"}
    async with running_stack(tmp_path, parts=["temporal"], ports=Ports.free(), extra_environment=environment) as stack:
        client = await connect(stack.settings, load_key_ring(stack.settings))
        assert client.namespace == "campaigns"
        assert await missing_search_attributes(client) == []


@pytest.mark.slow
async def test_a_server_that_the_settings_name_is_used_and_not_started(tmp_path: Path, database_url: str) -> None:
    environment = {"HELIOGRAPH_DATABASE_URL": database_url}
    async with running_stack(tmp_path, parts=["postgres"], extra_environment=environment, ports=Ports.free()) as stack:
        assert stack.parts == {}
        assert stack.doors.database == database_url
        assert await execute(stack, "SELECT count(*) FROM workspace") == 1
