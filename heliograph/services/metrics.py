"""`/metrics` of the whole installation: each process adds what it counted to PostgreSQL, whoever is asked reads it.

docs/adr/0007-metrics-of-all-processes.md tells why.
"""

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import asyncpg

from heliograph.db.engine import Database
from heliograph.db.figures import read_ledger_figures
from heliograph.db.metrics import add, read_all
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.errors import Forbidden, NotFound
from heliograph.services.addresses import is_listed
from heliograph.services.context import Services
from heliograph.services.watchdog import read_silences
from heliograph.settings import Settings
from heliograph.telemetry.figures import LedgerFigures
from heliograph.telemetry.metrics import install_tally
from heliograph.telemetry.prometheus import exposition
from heliograph.telemetry.tally import Tally

_log = logging.getLogger(__name__)


@asynccontextmanager
async def counting(database: Database, settings: Settings) -> AsyncIterator[None]:
    """While inside, what this process counts is added to PostgreSQL every few seconds, and once more at the end.

    A process that is killed takes the last seconds with it: the ledger, not this, is the proof of what was sent.
    """
    if not settings.metrics_seconds:
        yield
        return
    tally = Tally()
    install_tally(tally)
    task = asyncio.create_task(_keep_adding(database, tally, settings.metrics_seconds), name="metrics")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        install_tally(None)
        await add_counted(database, tally)


async def add_counted(database: Database, tally: Tally) -> None:
    """Adds what was counted since the last time; while PostgreSQL is away it is kept for the next."""
    increments = tally.take()
    if not increments:
        return
    try:
        await add(database.pool, increments)
    except (asyncpg.PostgresError, *DATABASE_TROUBLE) as error:  # before its migration the table is not there
        tally.put_back(increments)
        _log.warning("what was counted for /metrics waits for PostgreSQL: %s", type(error).__name__)


async def _keep_adding(database: Database, tally: Tally, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.shield(add_counted(database, tally))  # the end of the process must not cut it in two


def admit(settings: Settings, address: str | None, secret: str | None) -> None:
    """Lets a reader of `/metrics` in; `NotFound` while it is open to nobody, `Forbidden` for all others.

    No workspace's API key opens it: the figures are those of all workspaces.
    """
    if not settings.metrics_addresses and settings.metrics_secret is None:
        raise NotFound(
            "the metrics are not open: set HELIOGRAPH_METRICS_ADDRESSES or HELIOGRAPH_METRICS_SECRET",
            code="metrics_closed",
        )
    if not (is_listed(settings.metrics_addresses, address) or _holds(settings, secret)):
        raise Forbidden("this address is not listed, and no valid secret was given", code="metrics_reader")


def _holds(settings: Settings, secret: str | None) -> bool:
    if settings.metrics_secret is None or not secret:
        return False
    known = settings.metrics_secret.get_secret_value()
    return hmac.compare_digest(secret.encode(errors="replace"), known.encode())


async def read_figures(database: Database, settings: Settings) -> LedgerFigures:
    """The open ends of the ledger now, for the gauges."""
    async with database.pool.acquire() as connection:
        figures = await read_ledger_figures(connection)
        silences = await read_silences(connection, settings)
    return replace(figures, silent_connectors=Counter(silence.provider for silence in silences))


async def describe(services: Services) -> str:
    """The metrics of every process of the installation, in Prometheus' text format."""
    series = await read_all(services.database.pool)
    return exposition(series, await read_figures(services.database, services.settings))
