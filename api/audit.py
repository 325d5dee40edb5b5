"""The audit trail."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentActor, TheServices
from api.pagination import NO_NUL, PageAnswer, Paging, answer
from api.problems import documented
from heliograph.services import audit_log

router = APIRouter(prefix="/v1/audit-entries", tags=["audit"], responses=documented(401, 403, 422))


class AuditEntryAnswer(BaseModel):
    """One change."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    actor: str = Field(description="Name of the API key, or of the program.", examples=["shop backend"])
    api_key_id: UUID | None
    action: str = Field(examples=["sender.create"])
    noun: str = Field(examples=["sender"])
    noun_id: str
    detail: dict[str, Any]


@router.get("", summary="Who changed what")
async def list_audit_entries(
    services: TheServices,
    actor: CurrentActor,
    paging: Paging,
    noun: Annotated[str | None, Query(max_length=64, pattern=NO_NUL, description="Only this kind of noun.")] = None,
    noun_id: Annotated[str | None, Query(max_length=64, pattern=NO_NUL, description="Only this one.")] = None,
) -> PageAnswer[AuditEntryAnswer]:
    """Newest first, for owners, admins and approvers."""
    page = await audit_log.list_audit_entries(services, actor, paging, noun=noun, noun_id=noun_id)
    return answer(page, AuditEntryAnswer.model_validate)
