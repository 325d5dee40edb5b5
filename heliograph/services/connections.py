"""Open connectors of this process: one connection pool each, renewed when the credentials change."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from pydantic import BaseModel

from heliograph.db.connectors import find_connector, read_connector_version
from heliograph.db.engine import Database
from heliograph.db.tables import Connector
from heliograph.errors import Conflict, NotFound
from heliograph.providers.protocol import Account, Capabilities, ConnectionOptions, Inbox, ProviderConnection
from heliograph.providers.registry import provider
from heliograph.secrets import KeyRing
from heliograph.settings import Settings

NOT_AUTHENTICATED = "connector_not_authenticated"
ACCOUNT_CONFIGURATION = "account"
"""Where the provider's own configuration stands in that of the connector."""


@dataclass(frozen=True)
class _Opened:
    connection: ProviderConnection
    capabilities: Capabilities
    version: tuple[datetime | None, dict[str, Any]]  # when the credentials changed, the configuration


def sealing_context(connector_id: UUID) -> bytes:
    """Ties sealed credentials to their connector, so that they cannot be moved to another."""
    return b"connector:" + connector_id.bytes


def callback_url(settings: Settings, connector: Connector, door: str = "status") -> str:
    """Where the provider sends its callbacks; doors are `status` and `inbound`."""
    return f"{settings.public_url.rstrip('/')}/callbacks/{connector.callback_token}/{door}"


def open_credentials(key_ring: KeyRing, connector: Connector) -> BaseModel:
    """The connector's credentials in clear; `Conflict` when it has none yet."""
    if connector.sealed_credentials is None:
        raise Conflict(
            f"the connector {connector.name!r} is not authenticated yet: save its credentials first",
            code=NOT_AUTHENTICATED,
        )
    plain = key_ring.open(connector.sealed_credentials, context=sealing_context(connector.id))
    return provider(connector.provider).credentials.model_validate(orjson.loads(plain))


def read_configuration(connector: Connector) -> BaseModel:
    """What its provider needs besides credentials, as it was saved."""
    saved = connector.configuration.get(ACCOUNT_CONFIGURATION, {})
    return provider(connector.provider).configuration.model_validate(saved)


def open_account(key_ring: KeyRing, connector: Connector) -> Account:
    """The connector as its provider sees it; `Conflict` when it has no credentials yet."""
    return Account(open_credentials(key_ring, connector), read_configuration(connector))


def open_provider(
    settings: Settings, connector: Connector, account: Account, inbox: Inbox | None = None
) -> ProviderConnection:
    """A connection that belongs to the caller, who closes it; no I/O yet."""
    return provider(connector.provider).open(
        account,
        ConnectionOptions(
            timeout=settings.provider_timeout_seconds,
            callback_url=callback_url(settings, connector),
            max_connections=settings.requests_in_flight,
            simulator_url=settings.simulator_url,
            simulated_relay=_at_simulator(settings, settings.simulator_smtp_port),
            simulated_smsc=_at_simulator(settings, settings.simulator_smpp_port),
            reachable=settings.reachable_hosts,
            inbox=inbox,
        ),
    )


def _at_simulator(settings: Settings, port: int) -> tuple[str, int] | None:
    """What is not HTTP stands on the simulator's host too, at a port of its own."""
    if settings.simulator_url is None:
        return None
    return urlsplit(settings.simulator_url).hostname or "127.0.0.1", port


class Connections:
    """Opens each connector once and keeps it; needs neither Temporal nor an actor."""

    def __init__(
        self, database: Database, key_ring: KeyRing, settings: Settings, inbox: Callable[[Connector], Inbox]
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._settings = settings
        self._inbox = inbox
        self._opened: dict[UUID, _Opened] = {}
        self._retired: dict[ProviderConnection, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def get(self, connector_id: UUID) -> ProviderConnection:
        """The connection of a connector; `NotFound` when it is gone, `Conflict` when it has no credentials.

        Reads one row by its key each time, so that changed credentials take effect with the next call.
        A superseded connection lives on until the calls that use it must have ended: closing it under them
        would put their messages in doubt.
        """
        opened = self._opened.get(connector_id)
        if opened is not None and opened.version == await read_connector_version(self._database.pool, connector_id):
            return opened.connection
        try:
            connector = await self._read(connector_id)
            version = (connector.credentials_changed_at, dict(connector.configuration))
            opened = self._opened.get(connector_id)
            if opened is not None and opened.version == version:
                return opened.connection
            connection = self._open(connector)
        except (NotFound, Conflict):
            if (gone := self._opened.pop(connector_id, None)) is not None:
                self._retire(gone.connection)
            raise
        if opened is not None:
            self._retire(opened.connection)
        self._opened[connector_id] = _Opened(connection, provider(connector.provider).capabilities, version)
        return connection

    def capabilities(self, connector_id: UUID) -> Capabilities:
        """What the provider of an opened connector can do."""
        return self._opened[connector_id].capabilities

    async def aclose(self) -> None:
        """Closes every connection."""
        connections = [opened.connection for opened in self._opened.values()]
        for connection, timer in self._retired.items():
            timer.cancel()
            connections.append(connection)
        self._opened.clear()
        self._retired.clear()
        await asyncio.gather(*self._closing, *(connection.aclose() for connection in connections))

    def _retire(self, connection: ProviderConnection) -> None:
        patience = 2 * self._settings.provider_timeout_seconds
        self._retired[connection] = asyncio.get_running_loop().call_later(patience, self._close, connection)

    def _close(self, connection: ProviderConnection) -> None:
        del self._retired[connection]
        task = asyncio.ensure_future(connection.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _read(self, connector_id: UUID) -> Connector:
        async with self._database.unit_of_work() as session:
            connector = await find_connector(session, connector_id)
        if connector is None:
            raise NotFound("no such connector", code="connector_not_found")
        return connector

    def _open(self, connector: Connector) -> ProviderConnection:
        inbox = self._inbox(connector) if provider(connector.provider).capabilities.listens else None
        return open_provider(self._settings, connector, open_account(self._key_ring, connector), inbox)
