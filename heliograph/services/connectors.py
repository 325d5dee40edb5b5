"""Connectors: accounts at providers. Their secrets go in, and never come out."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, TypedDict
from uuid import UUID

import orjson
from pydantic import BaseModel, SecretStr, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.connectors import any_authenticated, find_connector
from heliograph.db.connectors import list_connectors as read_connectors
from heliograph.db.senders import lock_senders, other_sender_exists, senders_of_connector
from heliograph.db.tables import Connector
from heliograph.db.tables.base import now
from heliograph.domain.vocabulary import Channel
from heliograph.errors import Conflict, FieldError, InvalidInput, NotFound
from heliograph.providers.protocol import Account, Balance, Provider
from heliograph.providers.registry import provider, providers
from heliograph.services.connections import (
    ACCOUNT_CONFIGURATION,
    callback_url,
    open_account,
    open_credentials,
    open_provider,
    read_configuration,
    sealing_context,
)
from heliograph.services.context import Actor, Services, audit
from heliograph.services.provider_checks import ask
from heliograph.services.rules import checked_currency, checked_name, checked_price, checked_rate

CHECK_SENDERS: Final = (
    "Since you have updated the authentication parameters, please check the existing senders and update them if needed"
)


class ConnectorChanges(TypedDict, total=False):
    """What can be changed besides the credentials; what is absent stays."""

    name: str
    messages_per_second: float | None
    prices: dict[str, str]  # region (ISO 3166-1 alpha-2) or "default" → price of one part
    currency: str | None  # ISO 4217
    configuration: dict[str, Any]  # what the provider needs besides credentials, whole


def new_connector(workspace_id: UUID, kind: Provider, *, name: str, channel: Channel) -> Connector:
    """A connector without credentials, with its own callback address."""
    return Connector(
        workspace_id=workspace_id,
        provider=kind.key,
        name=name,
        channel=channel,
        callback_token=secrets.token_urlsafe(24),
    )


def checked_prices(changes: ConnectorChanges) -> dict[str, Any]:
    """What estimates reckon with; the workspace tells it, since no provider's price is invented."""
    found: dict[str, Any] = {}
    if "prices" in changes:
        found["prices"] = {
            region: checked_price(region, price, field=f"prices.{region}")
            for region, price in changes["prices"].items()
        }
    if "currency" in changes:
        found["currency"] = checked_currency(changes["currency"], field="currency")
    return found


def checked_configuration(kind: Provider, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The provider's own configuration, whole and valid, as it is kept; nothing in it is secret."""
    return {
        ACCOUNT_CONFIGURATION: checked_model(kind.configuration, configuration, "configuration").model_dump(mode="json")
    }


def all_providers() -> Sequence[Provider]:
    """Every kind of connector that this installation knows, by key."""
    return list(providers().values())


def list_providers(actor: Actor) -> Sequence[Provider]:
    """Every kind of connector that can be added, by key."""
    actor.require("read")
    return all_providers()


def credential_fields(connector: Connector) -> Sequence[str]:
    """What its provider needs to be told, in its order."""
    return [
        name for name, field in provider(connector.provider).credentials.model_fields.items() if field.is_required()
    ]


def account_configuration(connector: Connector) -> dict[str, Any]:
    """What its provider needs besides credentials, as it was saved."""
    saved: dict[str, Any] = connector.configuration.get(ACCOUNT_CONFIGURATION, {})
    return saved


def status_url(services: Services, actor: Actor, connector: Connector) -> str | None:
    """Where its provider is to report deliveries; None for who may not know its secret."""
    return callback_url(services.settings, connector) if actor.may("settings.manage") else None


def inbound_url(services: Services, actor: Actor, connector: Connector) -> str | None:
    """Where its provider is to hand on messages from people; None for who may not know its secret."""
    return callback_url(services.settings, connector, "inbound") if actor.may("settings.manage") else None


async def list_connectors(services: Services, actor: Actor) -> Sequence[Connector]:
    """The workspace's connectors, oldest first, those not authenticated yet included."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await read_connectors(session, actor.workspace_id)


async def get_connector(services: Services, actor: Actor, connector_id: UUID) -> Connector:
    """One connector of the workspace."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        return await connector_in(session, actor, connector_id)


async def create_connector(
    services: Services,
    actor: Actor,
    *,
    provider_key: str,
    channel: Channel | None = None,
    name: str | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> Connector:
    """A further account, not authenticated yet. Its configuration can come now or with the credentials.

    Without a channel it takes the provider's; of several, SMS before others.
    """
    actor.require("settings.manage")
    kind = provider(provider_key)
    if channel is None:
        channel = min(kind.capabilities.channels, key=list(Channel).index)
    if channel not in kind.capabilities.channels:
        sends = " and ".join(sorted(kind.capabilities.channels))
        raise InvalidInput.of("channel", f"{kind.name} sends {sends}, not {channel.value}")
    connector = new_connector(
        actor.workspace_id, kind, name=kind.name if name is None else checked_name(name), channel=channel
    )
    if configuration is not None:
        connector.configuration = checked_configuration(kind, configuration)
    async with services.database.unit_of_work() as session:
        session.add(connector)
        audit(session, actor, "connector.create", connector.id, {"provider": kind.key, "name": connector.name})
    return connector


async def update_connector(
    services: Services, actor: Actor, connector_id: UUID, changes: ConnectorChanges
) -> Connector:
    """Changes name or speed limit."""
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        connector = await connector_in(session, actor, connector_id, lock=True)
        if "name" in changes:
            connector.name = checked_name(changes["name"])
        if "messages_per_second" in changes:
            connector.messages_per_second = checked_rate(changes["messages_per_second"])
        if "prices" in changes or "currency" in changes:
            connector.configuration = {**connector.configuration, **checked_prices(changes)}
        if "configuration" in changes:
            account = checked_configuration(provider(connector.provider), changes["configuration"])
            connector.configuration = {**connector.configuration, **account}
            await _check_with_credentials(services, connector)
        connector.updated_at = now()
        audit(session, actor, "connector.update", connector.id, dict(changes))
    return connector


async def _check_with_credentials(services: Services, connector: Connector) -> None:
    """`InvalidInput` when the configuration does not go with the credentials that are kept. Nobody is asked."""
    if connector.sealed_credentials is not None:
        account = open_account(services.key_ring, connector)
        await open_provider(services.settings, connector, account).aclose()


async def save_credentials(
    services: Services,
    actor: Actor,
    connector_id: UUID,
    credentials: Mapping[str, Any],
    configuration: Mapping[str, Any] | None = None,
) -> tuple[Connector, str | None]:
    """Checks the credentials with the provider and keeps them sealed; also what to tell the user (A1.1–A1.3, A1.7).

    `InvalidInput` for a wrong form, `Unauthenticated` when the provider refuses them, `UpstreamFailed` when it
    fails three times. Nothing is kept unless the provider took them, so a failed save can simply be repeated.
    With `configuration` that is checked and kept with them.
    """
    actor.require("settings.manage")
    connector = await get_connector(services, actor, connector_id)
    kind = provider(connector.provider)
    checked = checked_model(kind.credentials, credentials, "credentials")
    if configuration is not None:
        connector.configuration = {**connector.configuration, **checked_configuration(kind, configuration)}
    else:  # also where nothing was configured yet and something must be
        checked_configuration(kind, connector.configuration.get(ACCOUNT_CONFIGURATION, {}))
    connection = open_provider(services.settings, connector, Account(checked, read_configuration(connector)))
    async with aclosing(connection):
        await ask(kind, connection.check_credentials, pause=services.settings.provider_check_retry_seconds)
    return await _store_credentials(services, actor, connector_id, checked, connector.configuration)


async def _store_credentials(
    services: Services, actor: Actor, connector_id: UUID, credentials: BaseModel, configuration: dict[str, Any]
) -> tuple[Connector, str | None]:
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        connector = await connector_in(session, actor, connector_id, lock=True)
        connector.configuration = {
            **connector.configuration,
            ACCOUNT_CONFIGURATION: configuration.get(ACCOUNT_CONFIGURATION, {}),
        }
        first = connector.sealed_credentials is None
        if not first and open_credentials(services.key_ring, connector) == credentials:
            return connector, None
        if first:
            tell = not await any_authenticated(session, actor.workspace_id)
        else:
            tell = bool(await senders_of_connector(session, actor.workspace_id, connector_id))
        connector.sealed_credentials = services.key_ring.seal(
            orjson.dumps(_in_clear(credentials)), context=sealing_context(connector.id)
        )
        connector.credentials_changed_at = connector.updated_at = now()
        audit(session, actor, "connector.authenticate", connector.id, {"first": first})
    return connector, CHECK_SENDERS if tell else None


async def read_balance(services: Services, actor: Actor, connector_id: UUID) -> Balance:
    """The money left at the provider, as it says now."""
    actor.require("settings.manage")
    connector = await get_connector(services, actor, connector_id)
    kind = provider(connector.provider)
    if not kind.capabilities.balance:
        raise Conflict(f"{kind.name} does not tell a balance", code="no_balance")
    connection = await services.connections.get(connector.id)
    return await ask(kind, connection.balance, pause=services.settings.provider_check_retry_seconds)


async def delete_connector(services: Services, actor: Actor, connector_id: UUID) -> None:
    """Deletes the account with its senders and its credentials.

    A default sender is not taken away while other connectors have senders that could be the default.
    """
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        connector = await connector_in(session, actor, connector_id, lock=True)
        senders = await senders_of_connector(session, actor.workspace_id, connector_id)
        for sender in senders:
            if sender.is_default and await other_sender_exists(session, sender, besides_connector=connector_id):
                raise Conflict(
                    f"the connector has the default sender for {sender.channel.value}, {sender.category.value}: "
                    "make another sender the default first",
                    code="default_sender",
                )
        for sender in senders:
            sender.deleted_at, sender.is_default = now(), False
        connector.deleted_at = now()
        connector.sealed_credentials = None
        audit(session, actor, "connector.delete", connector.id, {"senders": len(senders)})


async def connector_in(session: AsyncSession, actor: Actor, connector_id: UUID, *, lock: bool = False) -> Connector:
    connector = await find_connector(session, connector_id, workspace_id=actor.workspace_id, lock=lock)
    if connector is None:
        raise NotFound("no such connector in this workspace", code="connector_not_found")
    return connector


def checked_model(model: type[BaseModel], values: Mapping[str, Any], field: str) -> BaseModel:
    """The values as the model has them; `InvalidInput` naming each field and rule, and none of the values."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        broken = [
            FieldError(".".join([field, *map(str, each["loc"])]), each["msg"], each["type"])
            for each in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        detail = "; ".join(f"{each.field}: {each.rule}" for each in broken)
        # The cause is cut off: it quotes the input, which is a secret.
        raise InvalidInput(detail, errors=broken) from None


def _in_clear(value: Any) -> Any:
    """Credentials as plain JSON with their secrets, for sealing only."""
    if isinstance(value, BaseModel):
        return _in_clear(value.model_dump())
    if isinstance(value, dict):
        return {name: _in_clear(each) for name, each in value.items()}
    return value.get_secret_value() if isinstance(value, SecretStr) else value
