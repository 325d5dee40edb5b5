"""Redis and a Celery worker for as long as a block lasts."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.celery_peer import REDIS, SIMULATOR
from heliograph.stack.ports import free_port

PROCESSES = 2
_READY_SECONDS = 30.0
_STOP_SECONDS = 10.0


@asynccontextmanager
async def running_celery(simulator: str, directory: Path) -> AsyncIterator[str]:
    """Redis without persistence, and two prefork processes; the address of Redis."""
    port = free_port()
    address = f"redis://127.0.0.1:{port}/0"
    redis = ("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory))
    worker = (
        *(sys.executable, "-P", "-m", "celery", "--app", "bench.celery_peer", "worker"),
        *("--pool", "prefork", "--concurrency", str(PROCESSES), "--loglevel", "ERROR"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    async with _running(redis, {}):
        await _listens(port)
        async with _running(worker, {REDIS: address, SIMULATOR: simulator}):
            yield address


@asynccontextmanager
async def _running(command: tuple[str, ...], environment: Mapping[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment, "PYTHONWARNINGS": "ignore"},
        stdin=DEVNULL,
        stdout=DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
