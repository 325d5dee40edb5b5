"""Connectors: accounts at providers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.problems import documented
from heliograph.db.tables import Connector
from heliograph.domain.vocabulary import Channel
from heliograph.providers.protocol import Provider
from heliograph.services import connectors

router = APIRouter(prefix="/v1/connectors", tags=["connectors"], responses=documented(401, 403, 422))
providers_router = APIRouter(prefix="/v1/providers", tags=["connectors"], responses=documented(401))

ConnectorId = Annotated[UUID, Path(description="The connector's id.")]
Rate = Annotated[
    float | None,
    Field(gt=0, le=100_000, allow_inf_nan=False, description="Speed limit in messages a second; null: none of ours."),
]


class SenderKindAnswer(BaseModel):
    """A kind of sender that a provider has."""

    key: str = Field(examples=["long_code"])
    label: str = Field(examples=["Long code"])


class ProviderAnswer(BaseModel):
    """A kind of connector that this installation knows."""

    key: str = Field(examples=["twilio"])
    name: str = Field(examples=["Twilio"])
    channels: list[Channel]
    sender_kinds: list[SenderKindAnswer]
    credentials: dict[str, Any] = Field(description="JSON Schema of the credentials that it takes.")


class ProviderList(BaseModel):
    """Every kind of connector."""

    items: list[ProviderAnswer]


class ConnectorAnswer(BaseModel):
    """A connector. Its credentials are never shown."""

    id: UUID
    provider: str = Field(examples=["twilio"])
    name: str = Field(examples=["Twilio"])
    channel: Channel
    authenticated: bool = Field(description="Whether credentials that the provider took are kept.")
    credentials_changed_at: datetime | None
    messages_per_second: float | None = Field(examples=[50.0])
    created_at: datetime
    updated_at: datetime


class ConnectorList(BaseModel):
    """Every connector of the workspace, oldest first."""

    items: list[ConnectorAnswer]


class NewConnector(BaseModel):
    """A further account."""

    provider: str = Field(max_length=64, examples=["twilio"])
    channel: Channel = Channel.SMS
    name: str | None = Field(default=None, min_length=1, max_length=200, examples=["Twilio, second account"])


class ConnectorUpdate(BaseModel):
    """What is to change; what is absent stays."""

    name: str = Field(default="", min_length=1, max_length=200)
    messages_per_second: Rate = None
    prices: dict[str, str] = Field(
        default={},
        description='What a part costs, by country (ISO 3166-1) or "default"; estimates reckon with it.',
        examples=[{"default": "0.05", "US": "0.0079"}],
    )
    currency: str | None = Field(default=None, description="ISO 4217.", examples=["USD"])


class CredentialsUpdate(BaseModel):
    """Credentials as the provider gives them; `GET /v1/providers` has their schema."""

    credentials: dict[str, Any] = Field(
        examples=[{"account_sid": "AC00000000000000000000000000000000", "auth_token": "your auth token"}]
    )


class CredentialsSaved(BaseModel):
    """The credentials are valid and kept."""

    message: str | None = Field(
        default=None, description="What to look after now.", examples=[connectors.CHECK_SENDERS]
    )
    connector: ConnectorAnswer


class BalanceAnswer(BaseModel):
    """What the provider says is left."""

    amount: Decimal = Field(examples=["18.33"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])


@providers_router.get("", summary="Kinds of connectors")
async def list_providers(actor: CurrentActor) -> ProviderList:
    """What connectors can be added, and what each takes."""
    return ProviderList(items=[_shown_provider(kind) for kind in connectors.list_providers(actor)])


@router.get("", summary="The workspace's connectors")
async def list_connectors(services: TheServices, actor: CurrentActor) -> ConnectorList:
    """All of them: there are a handful. A new workspace has Twilio, not authenticated yet."""
    return ConnectorList(items=[_shown(each) for each in await connectors.list_connectors(services, actor)])


@router.post("", status_code=201, summary="Add a connector", responses=documented(409))
async def create_connector(services: TheServices, call: Idempotent, body: NewConnector) -> ConnectorAnswer:
    """A further account at a provider; save its credentials next."""

    async def create() -> ConnectorAnswer:
        return _shown(
            await connectors.create_connector(
                services, call.actor, provider_key=body.provider, channel=body.channel, name=body.name
            )
        )

    async def again(connector_id: UUID) -> ConnectorAnswer:
        return _shown(await connectors.get_connector(services, call.actor, connector_id))

    return await call.once(ConnectorAnswer, create, again)


@router.get("/{connector_id}", summary="A connector", responses=documented(404))
async def get_connector(services: TheServices, actor: CurrentActor, connector_id: ConnectorId) -> ConnectorAnswer:
    """One connector of the workspace."""
    return _shown(await connectors.get_connector(services, actor, connector_id))


@router.patch("/{connector_id}", summary="Change a connector", responses=documented(404))
async def update_connector(
    services: TheServices, actor: CurrentActor, connector_id: ConnectorId, body: ConnectorUpdate
) -> ConnectorAnswer:
    """Its name or its speed limit."""
    changes = cast("connectors.ConnectorChanges", body.model_dump(exclude_unset=True))
    return _shown(await connectors.update_connector(services, actor, connector_id, changes))


@router.put(
    "/{connector_id}/credentials", summary="Save a connector's credentials", responses=documented(400, 404, 502)
)
async def save_credentials(
    services: TheServices, actor: CurrentActor, connector_id: ConnectorId, body: CredentialsUpdate
) -> CredentialsSaved:
    """Checked with the provider (401 when it refuses them, 502 when it fails three times), encrypted, kept."""
    connector, message = await connectors.save_credentials(services, actor, connector_id, body.credentials)
    return CredentialsSaved(message=message, connector=_shown(connector))


@router.get("/{connector_id}/balance", summary="The balance at the provider", responses=documented(400, 404, 409, 502))
async def get_balance(services: TheServices, actor: CurrentActor, connector_id: ConnectorId) -> BalanceAnswer:
    """Asked now."""
    balance = await connectors.read_balance(services, actor, connector_id)
    return BalanceAnswer(amount=balance.amount, currency=balance.currency)


@router.delete("/{connector_id}", status_code=204, summary="Delete a connector", responses=documented(404, 409))
async def delete_connector(services: TheServices, actor: CurrentActor, connector_id: ConnectorId) -> None:
    """With its senders. 409 while it has a default sender and another connector could take its place."""
    await connectors.delete_connector(services, actor, connector_id)


def _shown(connector: Connector) -> ConnectorAnswer:
    return ConnectorAnswer(
        id=connector.id,
        provider=connector.provider,
        name=connector.name,
        channel=connector.channel,
        authenticated=connector.sealed_credentials is not None,
        credentials_changed_at=connector.credentials_changed_at,
        messages_per_second=connector.messages_per_second,
        created_at=connector.created_at,
        updated_at=connector.updated_at,
    )


def _shown_provider(kind: Provider) -> ProviderAnswer:
    return ProviderAnswer(
        key=kind.key,
        name=kind.name,
        channels=sorted(kind.capabilities.channels),
        sender_kinds=[SenderKindAnswer(key=each.key, label=each.label) for each in kind.capabilities.sender_kinds],
        credentials=kind.credentials.model_json_schema(),
    )
