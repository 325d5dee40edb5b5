"""Which connector a callback's token names, with its credentials in clear: kept a short while, for speed."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

from heliograph.db.connectors import find_connector_by_token
from heliograph.db.engine import Database
from heliograph.errors import Conflict, Forbidden, NotFound
from heliograph.providers.protocol import Account, Provider, ProviderRequest
from heliograph.providers.registry import provider
from heliograph.secrets import KeyRing
from heliograph.services.connections import open_account
from heliograph.services.watching import Watch
from heliograph.telemetry.metrics import Verdict, record_callbacks

_KEPT_SECONDS = 30.0
_RENEWED_AFTER_SECONDS = 1.0
_LONGEST_TOKEN = 128


@dataclass(frozen=True, slots=True)
class CallbackConnector:
    """What a callback needs of its connector."""

    id: UUID
    workspace_id: UUID
    token: str
    provider: Provider
    account: Account
    read_at: float  # time.monotonic()


class CallbackConnectors:
    """Reads a connector at most once in a while, whatever the rate of its callbacks."""

    def __init__(self, database: Database, key_ring: KeyRing) -> None:
        self.database = database
        self._key_ring = key_ring
        self.watch = Watch(database)
        self.providers: dict[UUID, str] = {}  # by connector: of those that brought something
        self._known: dict[str, CallbackConnector] = {}
        self._reading: dict[str, asyncio.Task[CallbackConnector]] = {}

    async def find(self, token: str) -> CallbackConnector:
        """The connector; `NotFound` for an unknown token, `Forbidden` when it has no credentials to check against."""
        known = self._known.get(token)
        if known is not None and time.monotonic() - known.read_at < _KEPT_SECONDS:
            return known
        return await self._read(token)

    async def verified(self, token: str, request: ProviderRequest) -> CallbackConnector:
        """The connector of a callback that its provider signed; `Forbidden` when it did not."""
        connector = await self.find(token)
        if connector.provider.verify(request, connector.account):
            return connector
        connector = await self.renewed(connector)  # the credentials may have changed a moment ago
        if not connector.provider.verify(request, connector.account):
            record_callbacks(connector.provider.key, Verdict.REFUSED)
            await self.watch.refused(connector.workspace_id, connector.id)
            raise Forbidden("the signature does not match this address and body", code="bad_signature")
        return connector

    async def renewed(self, connector: CallbackConnector) -> CallbackConnector:
        """The same connector read anew, unless that was done a moment ago: for a signature that does not match."""
        if time.monotonic() - connector.read_at < _RENEWED_AFTER_SECONDS:
            return connector
        return await self._read(connector.token)

    async def _read(self, token: str) -> CallbackConnector:
        """Many callbacks that miss it at once read it once."""
        reading = self._reading.get(token)
        if reading is None:
            reading = self._reading[token] = asyncio.create_task(self._read_now(token))
            reading.add_done_callback(lambda _: self._reading.pop(token, None))
        return await asyncio.shield(reading)

    async def _read_now(self, token: str) -> CallbackConnector:
        self._known.pop(token, None)
        if len(token) > _LONGEST_TOKEN or not token.isascii() or "\0" in token:
            raise _unknown()
        async with self.database.unit_of_work() as session:
            row = await find_connector_by_token(session, token)
        if row is None:
            raise _unknown()
        try:
            account = open_account(self._key_ring, row)
        except Conflict as error:
            raise Forbidden("the connector has no credentials to check the signature with", code=error.code) from error
        found = CallbackConnector(row.id, row.workspace_id, token, provider(row.provider), account, time.monotonic())
        self._known[token] = found
        self.providers[found.id] = found.provider.key
        return found


def _unknown() -> NotFound:
    return NotFound("there is no such callback address", code="unknown_callback")
