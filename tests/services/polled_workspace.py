"""A workspace that sends through IP2SMS. Time is moved by moving what stands in the ledger."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from heliograph.contracts import PollingPass, PollingPassResult
from heliograph.db.tables import Connector
from heliograph.domain.vocabulary import Category, Channel, Role
from heliograph.ids import new_id
from heliograph.rendering.cache import TemplateCache
from heliograph.services import connectors, messages, senders
from heliograph.services.connector_polling import ConnectorPoll
from heliograph.services.context import Actor, Services
from heliograph.services.message_requests import MessageRequest
from heliograph.services.sending import SendingEngine

LOGIN = "shop"
CONFIGURATION = {
    "send_url": "https://api.operator.example/ip2sms/",
    "status_url": "https://api.operator.example/ip2sms-request/",
    "format": "json",
    "messages_per_request": 50,
}


@dataclass(frozen=True)
class PolledWorkspace:
    """Its one connector is the way of transactional messages."""

    services: Services
    actor: Actor
    connector: Connector
    sender_id: UUID

    async def send(self, count: int) -> list[UUID]:
        """So many direct messages, each with its provider's answer recorded."""
        wanted = [
            MessageRequest(to=f"+38063{number:07}", body=f"Number {number}", category=Category.TRANSACTIONAL)
            for number in range(count)
        ]
        services = self.services
        engine = SendingEngine(services.database, services.connections, TemplateCache(), services.settings)
        async with engine.running():
            sent = await messages.send_messages(services, engine, self.actor, wanted, key=str(new_id()))
        return [each.id for each in sent]

    async def pass_time(self, span: timedelta) -> None:
        """Makes everything that happened so long ago."""
        pool = self.services.database.pool
        await pool.execute(
            """
            UPDATE message SET accepted_at = accepted_at - $1::interval,
                status_changed_at = status_changed_at - $1::interval
            """,
            span,
        )
        await pool.execute("UPDATE direct_message SET due_at = due_at - $1::interval", span)

    async def poll(self, **more: object) -> PollingPassResult:
        """One pass, as its workflow would have it made."""
        services = self.services
        work = PollingPass(
            workspace_id=self.actor.workspace_id, connector_id=self.connector.id, provider="ip2sms", **more
        )
        return await ConnectorPoll(
            services.database,
            services.connections,
            services.settings,
            work,
            stopped=lambda: False,
            progressed=lambda _: None,
        ).run()

    async def states(self) -> dict[str, int]:
        """Messages by state."""
        rows = await self.services.database.pool.fetch("SELECT state::text, count(*) FROM message GROUP BY state")
        return {row["state"]: row["count"] for row in rows}

    async def waiting(self) -> int:
        """Direct messages with which something is still to be done."""
        count: int = await self.services.database.pool.fetchval("SELECT count(*) FROM direct_message")
        return count


async def polled_workspace(services: Services, actor: Actor) -> PolledWorkspace:
    """Furnishes the actor's workspace."""
    connector = await connectors.create_connector(
        services, actor, provider_key="ip2sms", channel=Channel.SMS, configuration=CONFIGURATION
    )
    await connectors.save_credentials(services, actor, connector.id, {"login": LOGIN, "password": "s3cret"})
    sender = await senders.create_sender(
        services,
        actor,
        connector_id=connector.id,
        kind="alphanumeric",
        address="Shop",
        category=Category.TRANSACTIONAL,
    )
    return PolledWorkspace(services, Actor(actor.workspace_id, Role.OWNER, "owner"), connector, sender.id)
