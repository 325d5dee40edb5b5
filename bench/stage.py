"""A stack of its own, in its default layout, with everything a campaign needs: what the campaign benches work on."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from bench.figures import Report
from heliograph.db.counters import read_figures
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Role, RunStatus
from heliograph.services import audiences, campaigns, connectors, imports, launching, senders, templates
from heliograph.services.context import Actor, Services
from heliograph.services.importing.staging import stage_path
from heliograph.services.opening import all_workspaces, open_services
from heliograph.services.template_text import TemplateText
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, DEMO_MESSAGING_SERVICE
from heliograph.simulator.audience_file import write_audience
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import Receipts, Script
from heliograph.stack.composition import WORKERS
from heliograph.stack.running import RunningStack, running_stack

Connect = Callable[[Services, Actor, str], Awaitable[None]]
"""Makes the default sender; told where the simulator is."""

BODY = "Hi {{ first_name }}, the spring collection is here: 20 % off in {{ city }} until Sunday. Reply STOP to opt out."
SILENT = Script(receipts=Receipts(lost=1.0))
"""Everything is accepted at once, and nothing is told of it afterwards."""
TELLING = Script()
"""Everything is accepted at once and delivered; queued, sent and delivered are told."""

_ENVIRONMENT = {"HELIOGRAPH_FIRST_POLL_SECONDS": "86400"}
"""Runs of which nothing is told lie open until the stack ends: nobody shall ask for their messages meanwhile."""
_LOOK_SECONDS = 0.1
_STALLED_SECONDS = 120.0


@dataclass(frozen=True)
class Launched:
    """A run under way, and the ledger's clock at its launch."""

    run_id: UUID
    recipients: int
    launched_at: float  # time.time(), which on one machine is the ledger's clock
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Stage:
    """The open doors of the stack, and what was made on it."""

    stack: RunningStack
    services: Services
    actor: Actor
    simulator: SimulatorClient
    template_id: UUID
    report: Report

    async def add_audience(self, recipients: int) -> UUID:
        """An audience of so many recipients, imported from a CSV file of distinct and valid numbers."""
        self.report(f"importing {recipients:,} recipients")
        file = self.stack.settings.data_dir / f"audience-{recipients}.csv"
        await asyncio.to_thread(write_audience, file, recipients, seed=recipients, bad_rows=0, duplicates=0)
        audience = await audiences.create_audience(self.services, self.actor, name=file.stem)
        staged = await stage_path(self.services.settings, file)
        started = await imports.start_import(
            self.services, self.actor, audience.id, staged, imports.ImportOptions(region="US")
        )
        record = await imports.wait_for_import(self.services, self.actor, started.audience_import.id)
        if record.rows_added != recipients:
            raise RuntimeError(f"the import took {record.rows_added} of {recipients} rows: {record.error}")
        await asyncio.to_thread(file.unlink)
        return audience.id

    async def numbers_file(self, audience_id: UUID) -> Path:
        """The numbers of an audience, one a line, for those who know no audiences."""
        rows = await self.services.database.pool.fetch(
            "SELECT address FROM audience_row WHERE audience_id = $1 ORDER BY number", audience_id
        )
        file = self.stack.settings.data_dir / f"{audience_id}.txt"
        await asyncio.to_thread(file.write_text, "\n".join(row["address"] for row in rows))
        return file

    async def launch(self, audience_id: UUID) -> Launched:
        """Launches a fresh campaign, as fast as it will go."""
        draft = await campaigns.create_campaign(
            self.services,
            self.actor,
            CampaignSettings(name="Benchmark", template_id=self.template_id, audience_id=audience_id),
        )
        launched_at = time.time()
        view = await launching.launch_campaign(self.services, self.actor, draft.campaign.id)
        assert view.run is not None
        return Launched(view.run.id, view.run.source_rows, launched_at)

    async def wait_for(self, launched: Launched, state: MessageState) -> float:
        """Until every message of the run is in `state`; seconds since the launch, by our own look at the counters."""
        progressed, before = time.monotonic(), -1
        while True:
            figures = await read_figures(self.services.database.pool, launched.run_id)
            count = sum(figure.count for figure in figures if figure.state is state)
            if count == launched.recipients:
                return time.monotonic() - launched.began
            if count != before:
                progressed, before = time.monotonic(), count
            elif time.monotonic() - progressed > _STALLED_SECONDS:
                raise RuntimeError(f"stuck at {count} of {launched.recipients} messages {state.value}: {figures}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def seconds_to_accept_all(self, launched: Launched) -> float:
        """From the launch to the last `accepted_at` of the ledger."""
        await self.wait_for(launched, MessageState.ACCEPTED)
        last: float = await self.services.database.pool.fetchval(
            "SELECT extract(epoch FROM max(accepted_at))::float8 FROM message WHERE run_id = $1", launched.run_id
        )
        return last - launched.launched_at

    async def closed(self, launched: Launched) -> None:
        """Until the run is closed; `RuntimeError` when its books do not balance."""
        status = RunStatus.ACTIVE
        while status not in {RunStatus.COMPLETED, RunStatus.UNBALANCED}:
            await asyncio.sleep(_LOOK_SECONDS)
            status = await self._status(launched)
        if status is not RunStatus.COMPLETED:
            raise RuntimeError(f"run {launched.run_id} is {status.value}")

    async def _status(self, launched: Launched) -> RunStatus:
        status = await self.services.database.pool.fetchval(
            "SELECT status::text FROM run WHERE id = $1", launched.run_id
        )
        return RunStatus(status)

    @property
    def worker_pids(self) -> list[int]:
        """The worker processes."""
        pids = self.stack.supervisor.pids
        return [pid for name in WORKERS if (pid := pids.get(name)) is not None]

    async def follow(self, script: Script) -> None:
        """Empties the simulator's log and gives it its script."""
        await self.simulator.reset()
        await self.simulator.set_script(script)

    async def run_process(self, module: str, *arguments: str) -> str:
        """What a process of ours prints, for instance that of the limit."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-W", "ignore", "-m", module, *arguments), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{module} ended with {process.returncode}")
        return output.decode()


@asynccontextmanager
async def open_stage(
    report: Report, environment: Mapping[str, str] | None = None, connect: Connect | None = None
) -> AsyncIterator[Stage]:
    """Starts a stack in a directory of its own, with a connector, a sender and a template; all gone at the end."""
    report("starting a stack")
    with TemporaryDirectory(prefix="heliograph-bench-") as directory:
        async with (
            running_stack(Path(directory), extra_environment={**_ENVIRONMENT, **(environment or {})}) as stack,
            open_services(stack.settings, application="bench") as services,
            SimulatorClient(_simulator(stack)) as simulator,
        ):
            (workspace, *_) = await all_workspaces(services)
            actor = Actor(workspace.id, Role.OWNER, "bench")
            await (connect or connect_twilio)(services, actor, simulator.url)
            template_id = await _add_template(services, actor)
            yield Stage(stack, services, actor, simulator, template_id, report)


def _simulator(stack: RunningStack) -> str:
    assert stack.doors.simulator is not None
    return stack.doors.simulator


async def connect_twilio(services: Services, actor: Actor, simulator_url: str) -> None:  # noqa: ARG001
    """A messaging service at the simulated Twilio."""
    (connector, *_) = await connectors.list_connectors(services, actor)
    await connectors.save_credentials(
        services, actor, connector.id, {"account_sid": DEMO_ACCOUNT_SID, "auth_token": DEMO_AUTH_TOKEN}
    )
    await senders.create_sender(
        services,
        actor,
        connector_id=connector.id,
        kind="messaging_service",
        address=DEMO_MESSAGING_SERVICE,
        category=Category.PROMOTIONAL,
    )


async def _add_template(services: Services, actor: Actor) -> UUID:
    view = await templates.create_template(
        services, actor, name="Benchmark", text=TemplateText(body=BODY, fallbacks={"first_name": "there"})
    )
    return view.template.id
