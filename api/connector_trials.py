"""Trying a connector: what it writes, what comes back, and what it makes of it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.connectors import ConnectorId
from api.dependencies import TheServices
from api.idempotency import Idempotent
from api.problems import documented
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import Conflict
from heliograph.services import trying

router = APIRouter(prefix="/v1/connectors", tags=["connectors"], responses=documented(401, 403, 422))


class TryConnector(BaseModel):
    """One message to be sent for real."""

    to: Annotated[str, Field(max_length=320, description="A number, with or without country code.")]
    body: str = Field(max_length=1600, examples=["Does it work? Ça marche ? 😀"])
    sender: str | None = Field(default=None, max_length=320, description="By default the connector's oldest sender.")
    configuration: dict[str, Any] | None = Field(
        default=None, description="Tried instead of the saved one, and not saved."
    )


class RequestShown(BaseModel):
    """What was written; secrets are shown as •••."""

    model_config = ConfigDict(from_attributes=True)

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None


class AnswerShown(BaseModel):
    """What came back; secrets are shown as •••."""

    model_config = ConfigDict(from_attributes=True)

    status: int
    body: str = Field(description="Its first 4,000 characters.")
    seconds: float


class TrialAnswer(BaseModel):
    """A message tried."""

    verdict: Literal["accepted", "refused", "not_processed", "in_doubt"] = Field(
        description="What the message would be in a campaign; not_processed goes back to the queue."
    )
    provider_message_id: str | None = None
    error_class: ErrorClass | None = None
    error_code: str | None = None
    error_message: str | None = None
    retry_after: float | None = Field(default=None, description="Seconds, where the gateway says.")
    request: RequestShown | None = Field(description="null: none could be made; the error says why.")
    answer: AnswerShown | None = Field(description="null: none came; the error says why.")


@router.post("/{connector_id}/try", summary="Try a connector", responses=documented(404, 409))
async def try_connector(
    services: TheServices, call: Idempotent, connector_id: ConnectorId, body: TryConnector
) -> TrialAnswer:
    """Sends one real message past campaigns and ledger, and shows request and answer with every secret hidden.

    For custom connectors (and presets of them); with `configuration`, one that is not saved yet. 409 for a connector
    without credentials, and for providers whose requests are their own business: send a test message there.
    """

    async def attempt() -> TrialAnswer:
        request = trying.TryRequest(body.to, body.body, body.sender, body.configuration)
        return _shown(await trying.try_connector(services, call.actor, connector_id, request))

    async def again(_: UUID) -> TrialAnswer:
        raise Conflict("this was tried, and what came of it is lost: try again with a new key", code="trial_lost")

    return await call.once(TrialAnswer, attempt, again)


def _shown(trial: trying.Trial) -> TrialAnswer:
    seen = trying.verdict(trial.outcome)
    return TrialAnswer(
        verdict=seen.word,
        provider_message_id=seen.provider_message_id,
        error_class=seen.error.error_class if seen.error else None,
        error_code=seen.error.code if seen.error else None,
        error_message=seen.error.message if seen.error else None,
        retry_after=seen.retry_after,
        request=None if trial.request is None else RequestShown.model_validate(trial.request),
        answer=None if trial.answer is None else AnswerShown.model_validate(trial.answer),
    )
