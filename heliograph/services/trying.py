"""Trying a connector: one real message, shown as it was written and answered, with every secret hidden."""

import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.senders import senders_of_connector
from heliograph.db.tables import Connector
from heliograph.db.workspaces import find_workspace
from heliograph.errors import Conflict, InvalidInput
from heliograph.ids import new_id
from heliograph.providers.protocol import (
    Accepted,
    Account,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
)
from heliograph.providers.registry import provider
from heliograph.providers.shared.trial import ShownAnswer, ShownRequest, Trial, TriesOut
from heliograph.services.connections import open_credentials, open_provider, read_configuration
from heliograph.services.connectors import checked_model, connector_in
from heliograph.services.context import Actor, Services, audit
from heliograph.services.message_requests import checked_address

__all__ = ["ShownAnswer", "ShownRequest", "Trial", "TryRequest", "Verdict", "try_connector", "verdict"]


@dataclass(frozen=True, slots=True)
class TryRequest:
    """What to send. Without `sender` the connector's oldest one; `configuration` stands in for the saved one."""

    to: str
    body: str
    sender: str | None = None
    configuration: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome in the words that doors show."""

    word: Literal["accepted", "refused", "not_processed", "in_doubt"]
    provider_message_id: str | None = None
    error: ProviderError | None = None
    retry_after: float | None = None


def verdict(outcome: Outcome) -> Verdict:
    """What an outcome means."""
    if isinstance(outcome, Accepted):
        return Verdict("accepted", outcome.provider_message_id)
    if isinstance(outcome, Refused):
        return Verdict("refused", error=outcome.error)
    if isinstance(outcome, NotProcessed):
        return Verdict("not_processed", error=outcome.error, retry_after=outcome.retry_after)
    return Verdict("in_doubt", error=outcome.error)


async def try_connector(services: Services, actor: Actor, connector_id: UUID, request: TryRequest) -> Trial:
    """Sends one message past the ledger and shows what was written, what came back, and what it means.

    `Conflict` for a connector without credentials, or of a provider whose requests are its own business: there, send a
    test message from a sender. `InvalidInput` names what is wrong with number, sender or configuration.
    """
    actor.require("settings.manage")
    connector, message, sender = await _prepare(services, actor, connector_id, request)
    kind = provider(connector.provider)
    if request.configuration is None:
        configuration = read_configuration(connector)
    else:
        configuration = checked_model(kind.configuration, request.configuration, "configuration")
    account = Account(open_credentials(services.key_ring, connector), configuration)
    async with aclosing(open_provider(services.settings, connector, account)) as connection:
        if not isinstance(connection, TriesOut):
            rule = f"{kind.name} shows no requests: send a test message from one of its senders"
            raise Conflict(rule, code="cannot_be_tried")
        await _note(services, actor, connector)
        return await connection.try_out(message, sender)


async def _prepare(
    services: Services, actor: Actor, connector_id: UUID, request: TryRequest
) -> tuple[Connector, OutgoingMessage, SenderAddress]:
    async with services.database.unit_of_work() as session:
        connector = await connector_in(session, actor, connector_id)
        sender = await _sender(session, connector, request.sender)
        workspace = await find_workspace(session, actor.workspace_id)
    region = None if workspace is None else workspace.default_region
    valid_until = time.monotonic() + services.settings.provider_timeout_seconds
    to = checked_address(connector.channel, request.to, region)
    return connector, OutgoingMessage(new_id(), 1, to, request.body, valid_until), sender


async def _sender(session: AsyncSession, connector: Connector, address: str | None) -> SenderAddress:
    if address is not None:
        kind = provider(connector.provider).capabilities.sender_kinds[0]
        return SenderAddress(kind.key, kind.check(address))
    senders = await senders_of_connector(session, connector.workspace_id, connector.id)
    if not senders:
        raise InvalidInput.of("sender", "is needed: the connector has no sender yet", "missing")
    return SenderAddress(senders[0].kind, senders[0].address)


async def _note(services: Services, actor: Actor, connector: Connector) -> None:
    """Committed before anything is sent, so that a repeated call finds its Idempotency-Key used."""
    async with services.database.unit_of_work() as session:
        audit(session, actor, "connector.try", connector.id, {})
