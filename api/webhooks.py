"""Webhooks: where a workspace hears of its messages and campaigns (docs/webhooks.md)."""

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.idempotency import Idempotent
from api.pagination import PageAnswer, Paging, answer
from api.problems import documented
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy
from heliograph.services import webhooks
from heliograph.services.webhooks import WebhookView

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], responses=documented(401, 403, 422))

WebhookId = Annotated[UUID, Path(description="The webhook's id.")]
Address = Annotated[str, Field(min_length=1, max_length=2_000, examples=["https://shop.example/heliograph"])]
Kinds = Annotated[list[WebhookKind], Field(min_length=1, max_length=2, description="What it wants to hear of.")]
Description = Annotated[str, Field(max_length=500, description="For people.")]


class WebhookAnswer(BaseModel):
    """A webhook, without its secret."""

    id: UUID
    url: str = Field(description="By request: scheme, host and port; each callback has its own address.")
    kinds: list[WebhookKind]
    strategy: WebhookStrategy
    description: str
    by_request: bool = Field(description="Made when a request named this host in its `callback`.")
    waiting: int = Field(description=f"Callbacks not told yet, counted up to {webhooks.COUNTED_UP_TO}.")
    dead: int = Field(description=f"Callbacks given up, counted up to {webhooks.COUNTED_UP_TO}.")
    delivered: int = Field(description="Callbacks that were taken.")
    last_delivered_at: datetime | None
    failing_since: datetime | None = Field(description="Null while it works.")
    last_error: str | None
    created_at: datetime
    updated_at: datetime


class NewWebhook(BaseModel):
    """An address, what it wants to hear of, and when."""

    url: Address
    kinds: Kinds = Field(default_factory=lambda: [WebhookKind.MESSAGE])
    strategy: WebhookStrategy = WebhookStrategy.ON_CHANGE
    description: Description = ""


class WebhookUpdate(BaseModel):
    """What is to change; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    url: Address = ""
    kinds: Kinds = Field(default_factory=list)
    strategy: WebhookStrategy = WebhookStrategy.ON_CHANGE
    description: Description = ""


class WebhookSecretAnswer(BaseModel):
    """A webhook and the secret that signs its callbacks, shown this once."""

    webhook: WebhookAnswer
    secret: str = Field(description="The key of `Heliograph-Signature`. It is not shown again.", examples=["hgw_…"])


class DeadLetter(BaseModel):
    """A callback that was given up."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The event's id.")
    kind: WebhookKind
    subject: UUID = Field(description="The message, or the run of the campaign.")
    url: str | None = Field(description="Null: the webhook's own.")
    tries: int
    last_error: str | None = Field(description="Why.")
    created_at: datetime
    dead_at: datetime


class Replay(BaseModel):
    """Which dead letters to tell once more."""

    ids: list[UUID] | None = Field(default=None, min_length=1, max_length=1_000, description="By default all.")


class Replayed(BaseModel):
    """How many are told once more."""

    replayed: int | None = Field(description="Null when the call is a repeated one whose first answer was lost.")


@router.get("", summary="The workspace's webhooks")
async def list_webhooks(services: TheServices, actor: CurrentActor, paging: Paging) -> PageAnswer[WebhookAnswer]:
    """Newest first, with the hosts that requests have named."""
    return answer(await webhooks.list_webhooks(services, actor, paging), _shown)


@router.post("", status_code=201, summary="Create a webhook", responses=documented(409))
async def create_webhook(services: TheServices, call: Idempotent, body: NewWebhook) -> WebhookSecretAnswer:
    """It hears of what changes from now on. 422 when the address is private and the operator has not listed it."""

    async def create() -> WebhookSecretAnswer:
        made = await webhooks.create_webhook(services, call.actor, **body.model_dump())
        return await _with_secret(services, call.actor, made.webhook.id, made.secret)

    async def again(webhook_id: UUID) -> WebhookSecretAnswer:
        return await _with_secret(services, call.actor, webhook_id, call.open_secret(webhook_id))

    return await call.once(WebhookSecretAnswer, create, again)


@router.get("/{webhook_id}", summary="A webhook", responses=documented(404))
async def get_webhook(services: TheServices, actor: CurrentActor, webhook_id: WebhookId) -> WebhookAnswer:
    """How it is set, how delivery fares, and how far it is behind."""
    return _shown(await webhooks.get_webhook(services, actor, webhook_id))


@router.patch("/{webhook_id}", summary="Change a webhook", responses=documented(404, 409))
async def update_webhook(
    services: TheServices, actor: CurrentActor, webhook_id: WebhookId, body: WebhookUpdate
) -> WebhookAnswer:
    """What waits goes to the new address at once. 409 for a host that requests name."""
    changes = cast("webhooks.WebhookChanges", body.model_dump(exclude_unset=True))
    await webhooks.update_webhook(services, actor, webhook_id, changes)
    return _shown(await webhooks.get_webhook(services, actor, webhook_id))


@router.delete("/{webhook_id}", status_code=204, summary="Delete a webhook", responses=documented(404))
async def delete_webhook(services: TheServices, actor: CurrentActor, webhook_id: WebhookId) -> None:
    """What it has not told yet is forgotten."""
    await webhooks.delete_webhook(services, actor, webhook_id)


@router.post("/{webhook_id}/rotate-secret", summary="Make a new secret", responses=documented(404))
async def rotate_secret(services: TheServices, call: Idempotent, webhook_id: WebhookId) -> WebhookSecretAnswer:
    """For 24 hours callbacks carry two signatures, by the new secret and by the one before."""

    async def rotate() -> WebhookSecretAnswer:
        made = await webhooks.rotate_secret(services, call.actor, webhook_id)
        return await _with_secret(services, call.actor, made.webhook.id, made.secret)

    async def again(webhook_id: UUID) -> WebhookSecretAnswer:
        return await _with_secret(services, call.actor, webhook_id, call.open_secret(webhook_id))

    return await call.once(WebhookSecretAnswer, rotate, again)


@router.get("/{webhook_id}/dead-letters", summary="Callbacks that were given up", responses=documented(404))
async def list_dead_letters(
    services: TheServices, actor: CurrentActor, webhook_id: WebhookId, paging: Paging
) -> PageAnswer[DeadLetter]:
    """Newest first."""
    page = await webhooks.list_dead_letters(services, actor, webhook_id, paging)
    return answer(page, DeadLetter.model_validate)


@router.post("/{webhook_id}/replay", summary="Tell dead letters once more", responses=documented(404))
async def replay_dead_letters(services: TheServices, call: Idempotent, webhook_id: WebhookId, body: Replay) -> Replayed:
    """Under their old event ids. Later changes of the same messages may have been told long since."""

    async def replay() -> Replayed:
        return Replayed(replayed=await webhooks.replay_dead_letters(services, call.actor, webhook_id, body.ids))

    async def again(_: UUID) -> Replayed:
        return Replayed(replayed=None)

    return await call.once(Replayed, replay, again)


def _shown(view: WebhookView) -> WebhookAnswer:
    return WebhookAnswer(
        **{
            name: getattr(view.webhook, name) for name in WebhookAnswer.model_fields if name not in view.backlog._fields
        },
        **view.backlog._asdict(),
    )


async def _with_secret(
    services: TheServices, actor: CurrentActor, webhook_id: UUID, secret: str
) -> WebhookSecretAnswer:
    return WebhookSecretAnswer(webhook=_shown(await webhooks.get_webhook(services, actor, webhook_id)), secret=secret)
