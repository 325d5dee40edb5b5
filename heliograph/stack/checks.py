"""How each part shows that it is ready."""

import asyncio
import http.client
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from heliograph.contracts import Lane
from heliograph.stack.parts import Check, Spawned
from heliograph.temporal.pollers import pollers

_TIMEOUT = 2.0  # seconds


def answers_http(port: int, path: str) -> Check:
    """A GET on the loopback interface gets 200."""

    async def check(_: Spawned) -> bool:
        return await asyncio.to_thread(http_status, "127.0.0.1", port, path) == http.client.OK

    return check


def http_status(host: str, port: int, path: str, *, tls: bool = False) -> int | None:
    """The status of a GET, or None when nothing answers within two seconds. Blocks.

    Not through urllib: a proxy in the environment is no way to our own doors.
    """
    kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    connection = kind(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def answers_postgres(url: str) -> Check:
    """A connection can be opened."""

    async def check(_: Spawned) -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=_TIMEOUT)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    return check


def knows_namespace(client: Client) -> Check:
    """The Temporal server answers and has our namespace."""

    async def check(_: Spawned) -> bool:
        try:
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=_TIMEOUT)
            )
        except (RPCError, RuntimeError):  # RuntimeError: a client that connects late, and cannot yet
            return False
        return True

    return check


def polls(client: Client, lanes: Sequence[Lane]) -> Check:
    """The process asks for tasks of every one of its lanes."""

    async def check(spawned: Spawned) -> bool:
        try:
            found = await asyncio.gather(*(pollers(client, lane) for lane in lanes))
        except (RPCError, RuntimeError):
            return False
        return all(any(poller.is_process(spawned.pid) for poller in lane) for lane in found)

    return check
