"""Direct messages on the stage: a workspace of their own, with one or two accounts at the simulated Twilio."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.vocabulary import Category, Channel, Role, WorkspaceMode
from heliograph.ids import new_id
from heliograph.services import connectors, messages, routes, senders, workspaces
from heliograph.services.context import Actor
from heliograph.services.message_requests import MessageRequest
from heliograph.services.routes import WantedRoute
from tests.campaigns.stage import HANG_GUARD_SECONDS, Stage


@dataclass
class DirectRehearsal:
    """Who sends, from which accounts."""

    stage: Stage
    actor: Actor
    accounts: list[str] = field(default_factory=list)

    async def add_account(self) -> WantedRoute:
        """Another account with a sender for transactional messages; its way, of the next priority."""
        services = self.stage.services
        connector = await connectors.create_connector(services, self.actor, provider_key="twilio", channel=Channel.SMS)
        account_sid = f"AC{new_id().hex}"
        credentials = {"account_sid": account_sid, "auth_token": "5" * 32}
        await connectors.save_credentials(services, self.actor, connector.id, credentials)
        sender = await senders.create_sender(
            services,
            self.actor,
            connector_id=connector.id,
            kind="long_code",
            address=f"+1415555{len(self.accounts):04}",
            category=Category.TRANSACTIONAL,
        )
        self.accounts.append(account_sid)
        return WantedRoute(sender.id, priority=len(self.accounts))

    async def queue(self, count: int, *, type: str | None = None) -> list[UUID]:
        """Queues so many messages, of a type, in one call."""
        wanted = [
            MessageRequest(to=f"+14155{number:06}", body=f"Number {number}", type=type)
            for number in range(100_000, 100_000 + count)
        ]
        queued = await messages.queue_messages(self.stage.services, self.actor, wanted, key=str(new_id()))
        return [each.id for each in queued]

    async def states(self) -> Counter[str]:
        """Messages of the workspace by state."""
        rows = await self.stage.services.database.pool.fetch(
            "SELECT state::text, count(*) AS count FROM message WHERE workspace_id = $1 GROUP BY state",
            self.actor.workspace_id,
        )
        return Counter({row["state"]: row["count"] for row in rows})

    async def until(self, **expected: int) -> None:
        """Waits until the states are exactly these."""
        deadline = time.monotonic() + HANG_GUARD_SECONDS
        states: Counter[str] = Counter()
        while True:
            with suppress(*DATABASE_TROUBLE):  # PostgreSQL may just be coming back
                states = await self.states()
            if states == expected:
                return
            assert time.monotonic() < deadline, f"waited in vain for {expected}: {states}"
            await asyncio.sleep(0.05)

    async def log(self, account: str) -> Counter[str]:
        """How often the provider took something for each number."""
        taken = [message.to async for message in self.stage.simulator.accepted_messages(account=account)]
        return Counter(taken)


async def rehearse_direct(stage: Stage, *, accounts: int = 1) -> DirectRehearsal:
    """A workspace with so many accounts, routed in their order."""
    workspace, _ = await workspaces.create_workspace(
        stage.services, stage.owner, name=f"Direct {new_id()}", mode=WorkspaceMode.TEST
    )
    rehearsal = DirectRehearsal(stage, Actor(workspace.id, Role.OWNER, "tester"))
    ways = [await rehearsal.add_account() for _ in range(accounts)]
    await routes.replace_routes(stage.services, rehearsal.actor, Channel.SMS, Category.TRANSACTIONAL, ways)
    return rehearsal
