"""The audit trail, to read."""

from uuid import UUID

from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import AuditEntry
from heliograph.db.workspaces import page_audit_entries
from heliograph.services.context import Actor, Services


async def list_audit_entries(
    services: Services,
    actor: Actor,
    request: PageRequest[UUID],
    *,
    noun: str | None = None,
    noun_id: str | None = None,
) -> Page[AuditEntry, UUID]:
    """Who changed what, newest first; of one kind of noun or one noun, where asked."""
    actor.require("audit.read")
    async with services.database.unit_of_work() as session:
        return await page_audit_entries(session, actor.workspace_id, request, noun=noun, noun_id=noun_id)
