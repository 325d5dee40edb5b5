"""Open connectors of this process: one connection pool each, renewed when the credentials change."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from heliograph.db.connectors import find_connector, read_connector_version
from heliograph.db.engine import Database
from heliograph.db.tables import Connector
from heliograph.errors import Conflict, NotFound
from heliograph.providers.protocol import ConnectionOptions, Provider, ProviderConnection
from heliograph.providers.registry import provider
from heliograph.secrets import KeyRing
from heliograph.settings import Settings

NOT_AUTHENTICATED = "connector_not_authenticated"


@dataclass(frozen=True)
class _Opened:
    connection: ProviderConnection
    version: tuple[datetime | None, dict[str, Any]]  # when the credentials changed, the configuration


def sealing_context(connector_id: UUID) -> bytes:
    """Ties sealed credentials to their connector, so that they cannot be moved to another."""
    return b"connector:" + connector_id.bytes


def callback_url(settings: Settings, connector: Connector) -> str:
    """Where the provider sends its status callbacks."""
    return f"{settings.public_url.rstrip('/')}/callbacks/{connector.callback_token}/status"


def open_credentials(key_ring: KeyRing, connector: Connector) -> BaseModel:
    """The connector's credentials in clear; `Conflict` when it has none yet."""
    if connector.sealed_credentials is None:
        raise Conflict(
            f"the connector {connector.name!r} is not authenticated yet: save its credentials first",
            code=NOT_AUTHENTICATED,
        )
    plain = key_ring.open(connector.sealed_credentials, context=sealing_context(connector.id))
    return provider(connector.provider).credentials.model_validate(orjson.loads(plain))


def open_provider(
    settings: Settings, connector: Connector, kind: Provider, credentials: BaseModel
) -> ProviderConnection:
    """A connection that belongs to the caller, who closes it; no I/O yet."""
    configuration = dict(connector.configuration)
    stand_in = getattr(settings, f"{connector.provider}_api_url", None)  # a simulator in place of its hosts
    if stand_in:
        configuration["api_url"] = stand_in
    return kind.open(
        credentials,
        ConnectionOptions(
            timeout=settings.provider_timeout_seconds,
            callback_url=callback_url(settings, connector),
            max_connections=settings.requests_in_flight,
            configuration=configuration,
        ),
    )


class Connections:
    """Opens each connector once and keeps it; needs neither Temporal nor an actor."""

    def __init__(self, database: Database, key_ring: KeyRing, settings: Settings) -> None:
        self._database = database
        self._key_ring = key_ring
        self._settings = settings
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
        connector = await self._read(connector_id)
        version = (connector.credentials_changed_at, dict(connector.configuration))
        opened = self._opened.get(connector_id)
        if opened is not None and opened.version == version:
            return opened.connection
        connection = self._open(connector)
        if opened is not None:
            self._retire(opened.connection)
        self._opened[connector_id] = _Opened(connection, version)
        return connection

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
        credentials = open_credentials(self._key_ring, connector)
        return open_provider(self._settings, connector, provider(connector.provider), credentials)
