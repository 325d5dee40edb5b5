"""A workspace in which a campaign can be planned: an authenticated connector, a sender, a template, an audience."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from heliograph.db.tables import Connector, Sender, Workspace
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.vocabulary import Category, Channel, Role, WorkspaceMode
from heliograph.ids import new_id
from heliograph.services.campaigns import CampaignView, create_campaign
from heliograph.services.context import Actor, Services
from heliograph.services.template_text import TemplateText
from heliograph.services.templates import create_template
from tests.campaigns.audience import seed_audience


@dataclass(frozen=True)
class Plan:
    """What campaigns of a workspace can be made of."""

    services: Services
    actor: Actor
    connector_id: UUID
    sender_id: UUID
    template_id: UUID
    audience_id: UUID

    def settings(self, **choices: Any) -> CampaignSettings:
        """Everything that a launch needs, and what a test chooses."""
        complete = {"template_id": self.template_id, "audience_id": self.audience_id, "sender_id": self.sender_id}
        return CampaignSettings(**{"name": "Spring", **complete, **choices})

    async def draft(self, **choices: Any) -> CampaignView:
        """A draft of these settings."""
        return await create_campaign(self.services, self.actor, self.settings(**choices))

    async def add_sender(self, *, is_default: bool, address: str = "+14155550199") -> Sender:
        """Another sender on the same connector."""
        sender = Sender(
            workspace_id=self.actor.workspace_id,
            connector_id=self.connector_id,
            kind="long_code",
            address=address,
            channel=Channel.SMS,
            category=Category.PROMOTIONAL,
            is_default=is_default,
        )
        async with self.services.database.unit_of_work() as session:
            session.add(sender)
        return sender

    async def audited(self) -> list[tuple[str, dict[str, Any]]]:
        """Action and detail of what was done to campaigns, oldest first."""
        rows = await self.services.database.pool.fetch(
            "SELECT action, detail FROM audit_entry WHERE workspace_id = $1 AND noun = 'campaign' ORDER BY id",
            self.actor.workspace_id,
        )
        return [(row["action"], row["detail"]) for row in rows]


async def plan_in(services: Services, workspace: Workspace, *, recipients: int = 20, duplicates: int = 0) -> Plan:
    """Furnishes a workspace."""
    actor = Actor(workspace.id, Role.OWNER, "owner")
    connector = Connector(
        workspace_id=workspace.id,
        provider="twilio",
        name="Twilio",
        channel=Channel.SMS,
        callback_token=str(new_id()),
        sealed_credentials=b"sealed",
    )
    async with services.database.unit_of_work() as session:
        session.add(connector)
    plan = Plan(
        services,
        actor,
        connector.id,
        sender_id=new_id(),
        template_id=(await create_template(services, actor, "Spring", TemplateText("Hi {{ first_name }}"))).template.id,
        audience_id=await seed_audience(
            services.database, workspace.id, recipients, prefix="+1415", duplicates=duplicates
        ),
    )
    sender = await plan.add_sender(is_default=False, address="+14155550100")
    return Plan(services, actor, connector.id, sender.id, plan.template_id, plan.audience_id)


async def another_workspace(services: Services) -> Workspace:
    """A neighbour."""
    workspace = Workspace(name="Neighbour", mode=WorkspaceMode.LIVE)
    async with services.database.unit_of_work() as session:
        session.add(workspace)
    return workspace
