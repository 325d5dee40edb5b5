"""`heliograph demo`: the main job in front of your eyes, on a stack of its own that is gone afterwards."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from heliograph.cli import campaign_output as show
from heliograph.cli.audience import import_file, print_report
from heliograph.cli.campaign_progress import watch_run
from heliograph.cli.output import console, errors, print_json
from heliograph.cli.session import current_settings, owner_of_chosen_workspace, run
from heliograph.cli.up import print_event
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category
from heliograph.errors import Defect
from heliograph.services import campaigns, connectors, launching, runs, senders, templates
from heliograph.services.context import Actor, Services
from heliograph.services.imports import ImportOptions
from heliograph.services.opening import open_services
from heliograph.services.provider_book import ProviderBook
from heliograph.services.template_text import TemplateText
from heliograph.simulator.accounts import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, DEMO_MESSAGING_SERVICE
from heliograph.simulator.audience_file import write_audience
from heliograph.simulator.client import SimulatorClient
from heliograph.simulator.script import Preset, Script
from heliograph.stack.running import RunningStack, running_stack

DIRECTORY = "demo"
BODY = "Hi {{ first_name }}, the spring collection is here: 20 % off in {{ city }} until Sunday. Reply STOP to opt out."
PRICES = {"default": "0.0500", "US": "0.0079", "GB": "0.0400", "DE": "0.0880", "IN": "0.0500", "UA": "0.0900"}
"""US dollars a part. Made up for the demo: a real workspace enters what its contract says."""

ENVIRONMENT = {"HELIOGRAPH_FIRST_POLL_SECONDS": "8", "HELIOGRAPH_IN_DOUBT_SECONDS": "8"}
"""A demo cannot wait for minutes: what is silent is asked for after seconds."""


@dataclass(frozen=True)
class Prepared:
    """What the demo made on its way."""

    campaign_id: UUID
    rejected: int


def demo(
    rows: Annotated[int, typer.Option(min=100, help="Rows of the audience.")] = 10_000,
    keep: Annotated[bool, typer.Option(help="Keep the data directory for a look afterwards.")] = False,
) -> None:
    """Import an audience, estimate, launch and watch a campaign, and prove what became of everyone.

    Runs on an own stack in `<data directory>/demo`, against the simulator, and leaves nothing running. The last
    line is one JSON object.
    """
    run(_demo(rows, keep))


async def _demo(rows: int, keep: bool) -> None:
    directory = current_settings().data_dir / DIRECTORY
    shutil.rmtree(directory, ignore_errors=True)
    _say("Starting PostgreSQL, Temporal, the API, workers and the simulated Twilio")
    try:
        async with running_stack(directory, extra_environment=ENVIRONMENT, report=print_event) as stack:
            summary = await _main_job(stack, rows)
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    _say("Everything is stopped. `make up` keeps a stack running; the README goes on from there")
    print_json(summary)


async def _main_job(stack: RunningStack, rows: int) -> dict[str, Any]:
    assert stack.doors.simulator is not None
    async with (
        open_services(stack.settings, application="demo") as services,
        SimulatorClient(stack.doors.simulator) as simulator,
    ):
        actor = await owner_of_chosen_workspace(services)
        await simulator.set_script(Script(preset=Preset.REALISTIC))
        prepared = await _prepare(services, actor, stack.settings.data_dir / "audience.csv", rows)
        _say("Launching")
        started = time.monotonic()
        await launching.launch_campaign(services, actor, prepared.campaign_id)
        await watch_run(services, actor, prepared.campaign_id)
        seconds = time.monotonic() - started
        return await _report(services, actor, simulator, prepared, seconds)


async def _prepare(services: Services, actor: Actor, file: Path, rows: int) -> Prepared:
    _say("Authenticating the Twilio connector and making a sender")
    (connector, *_) = await connectors.list_connectors(services, actor)
    credentials = {"account_sid": DEMO_ACCOUNT_SID, "auth_token": DEMO_AUTH_TOKEN}
    await connectors.save_credentials(services, actor, connector.id, credentials)
    await connectors.update_connector(services, actor, connector.id, {"prices": PRICES, "currency": "USD"})
    await senders.create_sender(
        services,
        actor,
        connector_id=connector.id,
        kind="messaging_service",
        address=DEMO_MESSAGING_SERVICE,
        category=Category.PROMOTIONAL,
    )
    _say(f"Importing an audience of {rows:,} rows from {file.name}")
    await asyncio.to_thread(
        write_audience, file, rows, seed=7, bad_rows=max(3, rows // 300), duplicates=max(5, rows // 80)
    )
    imported = await import_file(services, actor, file, ImportOptions(region="US"), name="Spring customers")
    print_report(imported, console)
    _say("Writing the template and estimating")
    template = await templates.create_template(
        services, actor, name="Spring", text=TemplateText(body=BODY, fallbacks={"first_name": "there"})
    )
    draft = await campaigns.create_campaign(
        services,
        actor,
        CampaignSettings(
            name="Spring collection",
            template_id=template.template.id,
            audience_id=imported.audience.id,
            receipt_window_seconds=60,
        ),
    )
    show.estimate(await launching.estimate_campaign(services, actor, draft.campaign.id))
    return Prepared(draft.campaign.id, imported.record.rows_rejected)


async def _report(
    services: Services, actor: Actor, simulator: SimulatorClient, prepared: Prepared, seconds: float
) -> dict[str, Any]:
    report = await runs.report_campaign(services, actor, prepared.campaign_id)
    show.report(report)
    _say("Proving it: the source, the ledger, the totals frozen at the close, and the simulated Twilio's own log")
    proof = await runs.verify_campaign(services, actor, prepared.campaign_id, with_provider=True)
    show.verification(proof, as_json=False)
    repeated = await simulator.duplicates()
    book = proof.provider
    if not isinstance(book, ProviderBook):
        raise Defect(f"the simulated Twilio's own log is not to be had: {book.reason if book else 'not asked for'}")
    return {
        "audience": report.run.source_rows,
        "rejected_rows": prepared.rejected,
        "states": {state.value: count for state, count in report.figures.states.items()},
        "in_doubt": report.figures.states.get(MessageState.IN_DOUBT, 0),
        "duplicates": len(repeated),
        "balanced": proof.balanced,
        "accepted_by_provider": book.comparison.of_this_run + book.found_when_asked,
        "messages_per_second": round(report.timings.messages_per_second, 1) if report.timings else 0.0,
        "seconds": round(seconds, 2),
        "campaign_id": prepared.campaign_id,
        "temporal_url": report.temporal_url,
    }


def _say(text: str) -> None:
    errors.print(f"▸ {text}", style="bold cyan", markup=False)
