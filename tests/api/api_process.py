"""`python -m api` for tests."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError


async def start(
    database_url: str, directory: Path, port: int, *, temporal: str = "127.0.0.1:1", **more: str
) -> Process:
    """The process; `temporal` is away by default, and the API starts all the same."""
    environment = {
        **os.environ,
        "HELIOGRAPH_DATABASE_URL": database_url,
        "HELIOGRAPH_DATA_DIR": str(directory),
        "HELIOGRAPH_API_PORT": str(port),
        "TEMPORAL_ADDRESS": temporal,
        **more,
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "api", env=environment, stderr=PIPE)


@asynccontextmanager
async def running(database_url: str, directory: Path, port: int, **more: str) -> AsyncIterator[tuple[Process, Client]]:
    """The process once it answers; killed if it has not ended by then."""
    process = await start(database_url, directory, port, **more)
    try:
        async with ClientBuilder().base_url(f"http://127.0.0.1:{port}").build() as client:
            async with asyncio.timeout(60):
                while not await is_ready(client):
                    assert process.returncode is None, await errors_of(process)
                    await asyncio.sleep(0.05)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_ready(client: Client) -> bool:
    try:
        return (await client.get("/health").build().send()).status == 200
    except ConnectError:
        return False


async def errors_of(process: Process) -> str:
    assert process.stderr is not None
    return (await process.stderr.read()).decode()
