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
from heliograph.services import connectors, watchdog
from heliograph.services.context import Actor, Services

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


class CapabilitiesAnswer(BaseModel):
    """What a provider can do."""

    batch_size: int = Field(description="Messages in one call.")
    callbacks: bool = Field(description="It reports deliveries by itself.")
    signed: bool = Field(description="Its callbacks are signed. If not, their address is the secret.")
    polling: bool = Field(description="It can be asked for the status of a message.")
    balance: bool
    inbound: bool = Field(description="It hands on messages from people.")
    longest_body: int | None = Field(description="Characters of one message; null: it says so itself.")
    proven_by: list[str] = Field(description="What the tests try it against.")


class ProviderAnswer(BaseModel):
    """A kind of connector that this installation knows."""

    key: str = Field(examples=["twilio"])
    name: str = Field(examples=["Twilio"])
    channels: list[Channel]
    sender_kinds: list[SenderKindAnswer]
    credentials: dict[str, Any] = Field(description="JSON Schema of the credentials that it takes.")
    configuration: dict[str, Any] = Field(description="JSON Schema of what else it needs, nothing of it secret.")
    capabilities: "CapabilitiesAnswer"


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
    configuration: dict[str, Any] = Field(description="What its provider needs besides credentials.")
    status_url: str | None = Field(
        description="Where the provider is to report deliveries. Its middle part is a secret, shown to admins."
    )
    inbound_url: str | None = Field(description="Where the provider is to hand on messages from people; as secret.")
    trouble: str | None = Field(
        description="What is wrong and what to check: it accepts messages and brings no receipts. null: nothing."
    )
    created_at: datetime
    updated_at: datetime


class ConnectorList(BaseModel):
    """Every connector of the workspace, oldest first."""

    items: list[ConnectorAnswer]


class NewConnector(BaseModel):
    """A further account."""

    provider: str = Field(max_length=64, examples=["twilio"])
    channel: Channel | None = Field(default=None, description="By default the provider's.")
    name: str | None = Field(default=None, min_length=1, max_length=200, examples=["Twilio, second account"])
    configuration: dict[str, Any] | None = Field(
        default=None, description="What the provider needs besides credentials; `GET /v1/providers` has its schema."
    )


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
    configuration: dict[str, Any] = Field(
        default={}, description="What the provider needs besides credentials, whole; it replaces what was there."
    )


class CredentialsUpdate(BaseModel):
    """Credentials as the provider gives them; `GET /v1/providers` has their schema."""

    credentials: dict[str, Any] = Field(
        examples=[{"account_sid": "AC00000000000000000000000000000000", "auth_token": "your auth token"}]
    )
    configuration: dict[str, Any] | None = Field(
        default=None, description="Saved with them; without it the present configuration stays."
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
    found = await connectors.list_connectors(services, actor)
    troubles = await watchdog.read_troubles(services, actor)
    return ConnectorList(items=[_shown(services, actor, each, troubles.get(each.id)) for each in found])


@router.post("", status_code=201, summary="Add a connector", responses=documented(409))
async def create_connector(services: TheServices, call: Idempotent, body: NewConnector) -> ConnectorAnswer:
    """A further account at a provider; save its credentials next."""

    async def create() -> ConnectorAnswer:
        return await _whole(
            services,
            call.actor,
            await connectors.create_connector(
                services,
                call.actor,
                provider_key=body.provider,
                channel=body.channel,
                name=body.name,
                configuration=body.configuration,
            ),
        )

    async def again(connector_id: UUID) -> ConnectorAnswer:
        return await _whole(services, call.actor, await connectors.get_connector(services, call.actor, connector_id))

    return await call.once(ConnectorAnswer, create, again)


@router.get("/{connector_id}", summary="A connector", responses=documented(404))
async def get_connector(services: TheServices, actor: CurrentActor, connector_id: ConnectorId) -> ConnectorAnswer:
    """One connector of the workspace."""
    connector = await connectors.get_connector(services, actor, connector_id)
    return await _whole(services, actor, connector)


@router.patch("/{connector_id}", summary="Change a connector", responses=documented(404))
async def update_connector(
    services: TheServices, actor: CurrentActor, connector_id: ConnectorId, body: ConnectorUpdate
) -> ConnectorAnswer:
    """Its name or its speed limit."""
    changes = cast("connectors.ConnectorChanges", body.model_dump(exclude_unset=True))
    return await _whole(services, actor, await connectors.update_connector(services, actor, connector_id, changes))


@router.put(
    "/{connector_id}/credentials", summary="Save a connector's credentials", responses=documented(400, 404, 502)
)
async def save_credentials(
    services: TheServices, actor: CurrentActor, connector_id: ConnectorId, body: CredentialsUpdate
) -> CredentialsSaved:
    """Checked with the provider (401 when it refuses them, 502 when it fails three times), encrypted, kept."""
    connector, message = await connectors.save_credentials(
        services, actor, connector_id, body.credentials, body.configuration
    )
    return CredentialsSaved(message=message, connector=await _whole(services, actor, connector))


@router.get("/{connector_id}/balance", summary="The balance at the provider", responses=documented(400, 404, 409, 502))
async def get_balance(services: TheServices, actor: CurrentActor, connector_id: ConnectorId) -> BalanceAnswer:
    """Asked now."""
    balance = await connectors.read_balance(services, actor, connector_id)
    return BalanceAnswer(amount=balance.amount, currency=balance.currency)


@router.delete("/{connector_id}", status_code=204, summary="Delete a connector", responses=documented(404, 409))
async def delete_connector(services: TheServices, actor: CurrentActor, connector_id: ConnectorId) -> None:
    """With its senders. 409 while it has a default sender and another connector could take its place."""
    await connectors.delete_connector(services, actor, connector_id)


async def _whole(services: Services, actor: Actor, connector: Connector) -> ConnectorAnswer:
    troubles = await watchdog.read_troubles(services, actor)
    return _shown(services, actor, connector, troubles.get(connector.id))


def _shown(services: Services, actor: Actor, connector: Connector, trouble: str | None) -> ConnectorAnswer:
    return ConnectorAnswer(
        id=connector.id,
        provider=connector.provider,
        name=connector.name,
        channel=connector.channel,
        authenticated=connector.sealed_credentials is not None,
        credentials_changed_at=connector.credentials_changed_at,
        messages_per_second=connector.messages_per_second,
        configuration=connectors.account_configuration(connector),
        status_url=connectors.status_url(services, actor, connector),
        inbound_url=connectors.inbound_url(services, actor, connector),
        trouble=trouble,
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
        configuration=kind.configuration.model_json_schema(),
        capabilities=CapabilitiesAnswer.model_validate(kind.capabilities, from_attributes=True),
    )
