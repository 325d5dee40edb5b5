"""The checks that ask the servers: database, Temporal, workers, API."""

import asyncio
import http.client
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from heliograph.contracts import Lane
from heliograph.db.engine import open_database
from heliograph.db.migrate import missing_migrations
from heliograph.db.routes import read_shut_connectors
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.db.webhook_queue import failing_webhooks, standing
from heliograph.secrets import load_key_ring
from heliograph.services.watchdog import describe, read_silences
from heliograph.settings import Settings
from heliograph.stack.checks import http_status
from heliograph.stack.diagnosis import Finding, failed, ok, warning
from heliograph.stack.schema import OLDEST_POSTGRESQL, postgresql_version
from heliograph.temporal.client import connect
from heliograph.temporal.pollers import pollers
from heliograph.temporal.search_attributes import missing_search_attributes

_RECENT = timedelta(seconds=90)  # a waiting poller calls again at least every 70 s
_NOT_RUNNING = "start `heliograph up`, or set {}"


async def database(settings: Settings) -> Finding:
    """Reachable, new enough, and its schema is ours."""
    if settings.database_url is None:
        return warning("database", "none: nothing runs", _NOT_RUNNING.format("HELIOGRAPH_DATABASE_URL"))
    found = await postgresql_version(settings.database_url)
    if found < OLDEST_POSTGRESQL:
        return failed("database", f"PostgreSQL {found}", f"PostgreSQL {OLDEST_POSTGRESQL} or newer is needed")
    missing = await missing_migrations(settings.database_url)
    if missing:
        return failed("database", f"migrations are missing: {', '.join(missing)}", "run `heliograph migrate`")
    return ok("database", f"PostgreSQL {found}, schema up to date")


async def receipts(settings: Settings) -> list[Finding]:
    """Connectors that accept messages and bring no receipts."""
    if settings.database_url is None:
        return []
    try:
        async with open_database(settings.database_url, pool_size=1) as opened:
            silences = await read_silences(opened.pool, settings)
    except (*DATABASE_TROUBLE, asyncpg.PostgresError):
        return []  # the finding about the database says why
    if not silences:
        return [ok("receipts", "every connector in use brings them")]
    findings = []
    for each in silences:
        text, _, advice = describe(each, settings).partition(": ")
        findings.append(warning("receipts", f"connector {each.name!r} ({each.connector_id}): {text}", advice))
    return findings


async def connectors(settings: Settings) -> list[Finding]:
    """Connectors that get no messages while others can send."""
    if settings.database_url is None:
        return []
    try:
        async with open_database(settings.database_url, pool_size=1) as opened:
            shut = await read_shut_connectors(opened.pool)
    except (*DATABASE_TROUBLE, asyncpg.PostgresError):
        return []
    advice = "it is tried again by itself; `heliograph connector authenticate` if its credentials changed"
    findings = [
        warning("connectors", f"{each.name!r} ({each.connector_id}) is shut: {each.reason}", advice) for each in shut
    ]
    return findings or [ok("connectors", "none is shut")]


async def webhooks(settings: Settings) -> list[Finding]:
    """Webhooks whose receivers do not work."""
    if settings.database_url is None:
        return []
    try:
        async with open_database(settings.database_url, pool_size=1) as opened:
            failing = [await standing(opened.pool, each) for each in await failing_webhooks(opened.pool)]
    except (*DATABASE_TROUBLE, asyncpg.PostgresError):
        return []
    advice = "it is tried again by itself; callbacks that fail for too long become dead letters, which can be replayed"
    findings = [
        warning("webhooks", f"{urlsplit(each.url).netloc}: {each.trouble}; {each.waiting} callbacks wait", advice)
        for each in failing
        if each is not None
    ]
    return findings or [ok("webhooks", "every receiver works")]


async def temporal(settings: Settings) -> list[Finding]:
    """Reachable, with our namespace, our search attributes, and workers on every lane."""
    if settings.temporal_address is None:
        return [warning("temporal", "none: nothing runs", _NOT_RUNNING.format("TEMPORAL_ADDRESS"))]
    try:
        client = await connect(settings, load_key_ring(settings))
        findings = [await _namespace(client, settings.temporal_address)]
        if findings[0].verdict == "ok":
            findings += [await _search_attributes(client), *[await _lane(client, lane) for lane in Lane]]
    except (RPCError, RuntimeError) as error:
        text = f"{settings.temporal_address} does not answer: {str(error).splitlines()[0]}"
        return [failed("temporal", text, "check TEMPORAL_ADDRESS, TEMPORAL_TLS and TEMPORAL_API_KEY, and the server")]
    return findings


async def _namespace(client: Client, address: str) -> Finding:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        text = f"{address} has no namespace {client.namespace!r}"
        return failed("temporal", text, f"create it: temporal operator namespace create -n {client.namespace}")
    return ok("temporal", f"{address}, namespace {client.namespace!r}")


async def _search_attributes(client: Client) -> Finding:
    missing = await missing_search_attributes(client)
    if not missing:
        return ok("search attributes", "registered")
    return failed("search attributes", f"missing: {', '.join(missing)}", "run `heliograph migrate`")


async def _lane(client: Client, lane: Lane) -> Finding:
    since = datetime.now(UTC) - _RECENT
    workers = {poller.identity for poller in await pollers(client, lane) if poller.last_seen > since}
    check = f"lane {lane.value}"
    if workers:
        return ok(check, f"{len(workers)} worker(s): {', '.join(sorted(workers))}")
    return failed(check, "no worker polls it", f"start one: python worker.py --lanes {lane.value}")


async def api(settings: Settings) -> Finding:
    """Answers, and is ready."""
    url = urlsplit(settings.public_url)
    host, port = (url.hostname or "127.0.0.1"), url.port or (443 if url.scheme == "https" else 80)
    status = await asyncio.to_thread(
        http_status, host, port, f"{url.path.rstrip('/')}/health", tls=url.scheme == "https"
    )
    if status == http.client.OK:
        return ok("api", f"{settings.public_url} is healthy")
    text = "does not answer" if status is None else f"answers {status}"
    advice = "start it (`heliograph up`), or check HELIOGRAPH_PUBLIC_URL and what stands before it"
    return failed("api", f"{settings.public_url}/health {text}", advice)
