"""What a workspace makes of STOP, START and HELP, in SQL."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Connection, Pool
from heliograph.db.tables import OptOutSettings
from heliograph.domain.opt_out import OptOutRules


async def read_rules(connection: Connection | Pool, workspace_id: UUID) -> OptOutRules:
    """The workspace's own rules, or the defaults."""
    document = await connection.fetchval("SELECT document FROM opt_out_settings WHERE workspace_id = $1", workspace_id)
    return OptOutRules() if document is None else OptOutRules.model_validate(document)


async def store_rules(session: AsyncSession, workspace_id: UUID, rules: OptOutRules) -> None:
    """Replaces the workspace's rules in the session's unit of work."""
    await session.merge(OptOutSettings(workspace_id=workspace_id, document=rules.model_dump(mode="json")))
