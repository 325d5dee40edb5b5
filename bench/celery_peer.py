"""The same audience through Celery and Redis: one task a recipient, Twilio's client, and no ledger.

The addresses of Redis and of the simulator come by environment, as Celery's worker processes import this module.
Everything is set in the peer's favour: no results, no events, early acknowledgement, one event loop a process.
"""

import asyncio
import os
from functools import cache
from typing import Any, Final

import uvloop
from celery import Celery
from twilio.rest import Client

from bench.bare_loop import TEXT, open_client
from heliograph.simulator.accounts import DEMO_MESSAGING_SERVICE

REDIS: Final = "HELIOGRAPH_BENCH_REDIS"
SIMULATOR: Final = "HELIOGRAPH_BENCH_SIMULATOR"

app = Celery("peer", broker=os.environ.get(REDIS, "redis://127.0.0.1:6379/0"))
app.conf.update(
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return uvloop.new_event_loop()


@cache
def _client() -> Client:
    async def opened() -> Client:
        client, _ = open_client(os.environ[SIMULATOR], our_transport=False)
        return client

    return _loop().run_until_complete(opened())


@app.task  # type: ignore[untyped-decorator]  # Celery has no types
def send(to: str) -> None:
    """One recipient."""
    client = _client()
    message: Any = client.messages.create_async(to=to, body=TEXT, messaging_service_sid=DEMO_MESSAGING_SERVICE)
    _loop().run_until_complete(message)
