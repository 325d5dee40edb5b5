"""The API as a process of its own: `python -m api`."""

import asyncio
import signal
from pathlib import Path

from heliograph.db.engine import Database
from heliograph.db.tables import Connector
from heliograph.domain.vocabulary import Role
from heliograph.services.api_keys import make_key
from heliograph.stack.ports import free_port
from tests.api.api_process import errors_of, is_ready, running, start

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def test_sigterm_lets_a_call_under_way_end_and_the_process_exits_with_0(
    database: Database, database_url: str, tmp_path: Path, connector: Connector
) -> None:
    key = make_key(connector.workspace_id, "test", Role.ADMIN)
    async with database.unit_of_work() as session:
        session.add(key.api_key)

    async with running(database_url, tmp_path, free_port()) as (process, client):
        call = client.patch(f"/v1/connectors/{connector.id}").bearer_auth(key.text).body_json({"name": "Renamed"})
        async with database.transaction() as blocker:
            await blocker.execute("SELECT 1 FROM connector FOR UPDATE")
            answer = asyncio.ensure_future(call.build().send())
            async with asyncio.timeout(20):
                while not await blocker.fetchval(WAITING):  # noqa: ASYNC110 - it happens in another process
                    await asyncio.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
        assert (await answer).status == 200
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def test_a_taken_port_is_named_and_not_shared(database_url: str, tmp_path: Path) -> None:
    port = free_port()
    async with running(database_url, tmp_path, port) as (first, client):
        second = await start(database_url, tmp_path, port)
        async with asyncio.timeout(60):
            assert await second.wait() == 1
        assert f"cannot listen on 127.0.0.1:{port}" in await errors_of(second)
        assert first.returncode is None
        assert await is_ready(client)
