"""A whole stack for tests: real servers and processes, short times, the simulator as provider and witness."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from heliograph.db.tables import Connector
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.vocabulary import Channel, MissingVariable, Role, WorkspaceMode
from heliograph.services import campaigns, connectors, opening, senders, templates, workspaces
from heliograph.services.connections import callback_url
from heliograph.services.context import Actor, Services
from heliograph.services.template_text import TemplateText
from heliograph.settings import Settings
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import AccountScript, Script
from heliograph.stack.running import RunningStack, running_stack
from tests.campaigns.audience import seed_audience
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.routes import TWILIO, Route

SHORT_TIMES = {
    "HELIOGRAPH_PROVIDER_TIMEOUT_SECONDS": "2",
    "HELIOGRAPH_LEASE_SECONDS": "20",
    "HELIOGRAPH_SWEEP_SECONDS": "1",
    "HELIOGRAPH_FIRST_POLL_SECONDS": "2",
    "HELIOGRAPH_POLL_SECONDS": "1",
    "HELIOGRAPH_IN_DOUBT_SECONDS": "3",
    "HELIOGRAPH_LOG_LEVEL": "WARNING",
}
"""What takes minutes in life takes seconds here. The lease stays long: a slow machine must not lose claims."""

HANG_GUARD_SECONDS = 240.0


async def until(holds: Callable[[], Awaitable[bool]], what: str, *, seconds: float = HANG_GUARD_SECONDS) -> None:
    """Waits until it holds; the deadline is there for what hangs, not to measure anything."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        await asyncio.sleep(0.05)


@dataclass
class Stage:
    """A running stack and the doors to it. Each rehearsal has a workspace and an account at the provider of its own."""

    services: Services
    simulator: SimulatorClient
    owner: Actor  # of the first workspace
    chunk: int  # messages that one worker process may hold
    stack: RunningStack = field(init=False, repr=False)  # where the tests supervise it themselves
    _numbers: Any = field(default_factory=lambda: count(1), repr=False)

    async def follow(self, script: Script) -> None:
        """What the provider does from now on."""
        await self.simulator.set_script(script)

    async def _connect(self, actor: Actor, through: Route, account: str) -> Connector:
        """An authenticated connector; where its provider is told beforehand where to call back, it is."""
        made = await connectors.list_connectors(self.services, actor)
        connector = next((each for each in made if each.provider == through.provider), None)
        if connector is None:
            connector = await connectors.create_connector(
                self.services, actor, provider_key=through.provider, channel=Channel.SMS
            )
        await connectors.save_credentials(
            self.services, actor, connector.id, through.credentials(account), through.configured(self.simulator.url)
        )
        if through.told_beforehand:
            url = callback_url(self.services.settings, connector)
            await self.follow(Script(accounts={account: AccountScript(callback_url=url)}))
        return connector

    async def rehearse(
        self,
        recipients: int,
        *,
        body: str = "Hi {{ first_name }}, 20 % off until Sunday",
        missing_variable: MissingVariable = MissingVariable.REFUSE,
        duplicates: int = 0,
        without_name: int = 0,
        sender_speed: float | None = None,
        through: Route = TWILIO,
        **choices: Any,
    ) -> Rehearsal:
        """A campaign ready to be launched. `choices` are fields of `CampaignSettings`."""
        number = next(self._numbers)
        workspace, _ = await workspaces.create_workspace(
            self.services, self.owner, name=f"Rehearsal {number}", mode=WorkspaceMode.TEST
        )
        actor = Actor(workspace.id, Role.OWNER, "tester")
        account_sid = through.new_account()
        connector = await self._connect(actor, through, account_sid)
        settings = CampaignSettings(name=f"Rehearsal {number}", **choices)
        sender = await senders.create_sender(
            self.services,
            actor,
            connector_id=connector.id,
            kind=through.sender_kind,
            address=through.sender_address,
            category=settings.category,
            messages_per_second=sender_speed,
        )
        audience_id = await seed_audience(
            self.services.database,
            workspace.id,
            recipients,
            prefix=f"+1{number:03d}",
            duplicates=duplicates,
            without_name=without_name,
        )
        template = await templates.create_template(
            self.services,
            actor,
            name="Spring",
            text=TemplateText(body=body, fallbacks={}, missing_variable=missing_variable),
        )
        draft = await campaigns.create_campaign(
            self.services,
            actor,
            settings.model_copy(update={"template_id": template.template.id, "audience_id": audience_id}),
        )
        return Rehearsal(
            services=self.services,
            simulator=self.simulator,
            actor=actor,
            campaign_id=draft.campaign.id,
            sender_id=sender.id,
            account_sid=account_sid,
            recipients=recipients,
        )


@asynccontextmanager
async def open_stage(directory: Path, environment: Mapping[str, str] = SHORT_TIMES) -> AsyncIterator[Stage]:
    """Starts a stack in `directory` and opens its doors; everything is gone at the end."""
    configured = Settings(data_dir=directory, reachable_hosts=("127.0.0.1",))  # where the receivers of callbacks are
    async with running_stack(directory, settings=configured, extra_environment=environment) as stack:
        assert stack.doors.simulator is not None
        async with stage_of(stack.settings, stack.doors.simulator) as stage:
            stage.stack = stack
            yield stage


@asynccontextmanager
async def stage_of(settings: Settings, simulator_url: str) -> AsyncIterator[Stage]:
    """The doors of a stack that runs, whoever started it."""
    async with (
        opening.open_services(settings, application="tests") as services,
        SimulatorClient(simulator_url) as simulator,
    ):
        (first, *_) = await opening.all_workspaces(services)
        yield Stage(services, simulator, Actor(first.id, Role.OWNER, "tester"), settings.chunk)
