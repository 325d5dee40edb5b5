"""Direct messages through IP2SMS on the stage: nothing tells of them unless it is asked."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from heliograph.contracts import polling_workflow_id
from heliograph.db.trouble import DATABASE_TROUBLE
from heliograph.domain.vocabulary import Category, Channel, Role, WorkspaceMode
from heliograph.ids import new_id
from heliograph.services import connectors, messages, senders, workspaces
from heliograph.services.context import Actor
from heliograph.services.message_requests import MessageRequest
from tests.campaigns.routes import IP2SMS
from tests.campaigns.stage import HANG_GUARD_SECONDS, Stage


@dataclass(frozen=True)
class PolledRehearsal:
    """A workspace whose transactional messages go through one IP2SMS account."""

    stage: Stage
    actor: Actor
    account: str
    connector_id: UUID

    async def queue(self, count: int) -> None:
        """Queues so many messages in one call."""
        wanted = [
            MessageRequest(to=f"+38063{number:07}", body=f"Number {number}", category=Category.TRANSACTIONAL)
            for number in range(count)
        ]
        await messages.queue_messages(self.stage.services, self.actor, wanted, key=str(new_id()))

    async def states(self) -> Counter[str]:
        """Messages of the workspace by state; none while PostgreSQL is coming back."""
        with suppress(*DATABASE_TROUBLE):
            rows = await self.stage.services.database.pool.fetch(
                "SELECT state::text, count(*) AS count FROM message WHERE workspace_id = $1 GROUP BY state",
                self.actor.workspace_id,
            )
            return Counter({row["state"]: row["count"] for row in rows})
        return Counter()

    async def until(self, **expected: int) -> None:
        """Waits until at least so many are in each state."""
        deadline = time.monotonic() + HANG_GUARD_SECONDS
        while not (states := await self.states()) >= Counter(expected):
            assert time.monotonic() < deadline, f"waited in vain for {expected}: {states}"
            await asyncio.sleep(0.05)

    async def polling(self) -> WorkflowExecutionStatus | None:
        """How the connector's polling stands; None when it never began."""
        handle = self.stage.services.temporal.get_workflow_handle(polling_workflow_id(self.connector_id))
        try:
            return (await handle.describe()).status
        except RPCError:
            return None

    async def taken(self) -> Counter[str]:
        """How often the provider took something for each number."""
        return Counter([each.to async for each in self.stage.simulator.accepted_messages(account=self.account)])


async def rehearse_polled(stage: Stage, *, messages_per_request: int = 50) -> PolledRehearsal:
    """Furnishes a workspace."""
    services = stage.services
    workspace, _ = await workspaces.create_workspace(
        services, stage.owner, name=f"Polled {new_id()}", mode=WorkspaceMode.TEST
    )
    actor = Actor(workspace.id, Role.OWNER, "tester")
    configuration = IP2SMS.configured(stage.simulator.url)
    assert configuration is not None
    connector = await connectors.create_connector(
        services,
        actor,
        provider_key="ip2sms",
        channel=Channel.SMS,
        configuration={**configuration, "messages_per_request": messages_per_request},
    )
    account = IP2SMS.new_account()
    await connectors.save_credentials(services, actor, connector.id, IP2SMS.credentials(account))
    await senders.create_sender(
        services,
        actor,
        connector_id=connector.id,
        kind=IP2SMS.sender_kind,
        address=IP2SMS.sender_address,
        category=Category.TRANSACTIONAL,
    )
    return PolledRehearsal(stage, actor, account, connector.id)
