"""`heliograph campaign`: create, estimate, launch, watch, pause, resume, speed, stop, report, verify."""

from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from heliograph.cli import campaign_output as show
from heliograph.cli.campaign_progress import watch_run
from heliograph.cli.output import AsJson, console, errors
from heliograph.cli.session import open_services, run
from heliograph.db.pages import PageRequest
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.vocabulary import Category, Schedule
from heliograph.errors import FieldError, InvalidInput
from heliograph.services import campaigns, launching, runs

app = typer.Typer(no_args_is_help=True, help="Campaigns: plan, launch, watch and prove them.")

CampaignId = Annotated[UUID, typer.Argument(help="The campaign's id.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    template: Annotated[UUID | None, typer.Option(help="Id of the template.")] = None,
    audience: Annotated[UUID | None, typer.Option(help="Id of the audience.")] = None,
    sender: Annotated[UUID | None, typer.Option(help="Id of the sender; by default the default one.")] = None,
    category: Annotated[Category, typer.Option(help="promotional or transactional.")] = Category.PROMOTIONAL,
    send_at: Annotated[str | None, typer.Option(help="ISO 8601 with offset; by default as soon as launched.")] = None,
    speed: Annotated[float | None, typer.Option(help="Messages per second at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a campaign as a draft."""
    document: dict[str, Any] = {
        "name": name,
        "category": category,
        "template_id": template,
        "audience_id": audience,
        "sender_id": sender,
        "schedule": Schedule.AT_FIXED_TIME if send_at else Schedule.ASAP,
        "send_at": send_at,
        "messages_per_second": speed,
    }
    run(_create(_settings(document), as_json))


async def _create(settings: CampaignSettings, as_json: bool) -> None:
    async with open_services() as (services, actor):
        found = await campaigns.create_campaign(services, actor, settings)
    show.campaign(found, as_json=as_json)


@app.command("list")
def list_(limit: Annotated[int, typer.Option(min=1, max=200)] = 20, as_json: AsJson = False) -> None:
    """The newest campaigns."""

    async def act() -> None:
        async with open_services() as (services, actor):
            page = await campaigns.list_campaigns(services, actor, PageRequest(limit))
        show.campaigns(page.items, as_json=as_json)

    run(act())


@app.command("show")
def show_(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """One campaign with its settings."""

    async def act() -> None:
        async with open_services() as (services, actor):
            show.campaign(await campaigns.get_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def estimate(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """What a launch would do: recipients, parts, encoding, cost, time. Nothing is written."""

    async def act() -> None:
        async with open_services() as (services, actor):
            show.estimate(await launching.estimate_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def launch(
    campaign_id: CampaignId,
    watch: Annotated[bool, typer.Option(help="Stay and show the progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Launch a draft."""

    async def act() -> None:
        async with open_services() as (services, actor):
            found = await launching.launch_campaign(services, actor, campaign_id)
            if watch:
                await watch_run(services, actor, campaign_id)
                show.report(await runs.report_campaign(services, actor, campaign_id), as_json=as_json)
            else:
                show.campaign(found, as_json=as_json)

    run(act())


@app.command()
def watch(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Follow a launched campaign to its close."""

    async def act() -> None:
        async with open_services() as (services, actor):
            await watch_run(services, actor, campaign_id)
            show.report(await runs.report_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def pause(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Stop claiming; answers when what was in flight is recorded."""

    async def act() -> None:
        async with open_services() as (services, actor):
            show.figures("paused", await runs.pause_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def resume(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """Go on where it stood."""

    async def act() -> None:
        async with open_services() as (services, actor):
            show.figures("resumed", await runs.resume_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def stop(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """End it for good; the answer counts what was accepted, is in doubt, and was never sent."""

    async def act() -> None:
        async with open_services() as (services, actor):
            show.figures("stopped", await runs.stop_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def speed(
    campaign_id: CampaignId,
    messages_per_second: Annotated[float, typer.Argument(help="0: no limit of the campaign's own.")],
) -> None:
    """Change the speed of a launched campaign."""

    async def act() -> None:
        async with open_services() as (services, actor):
            await runs.change_speed(services, actor, campaign_id, messages_per_second or None)
        console.print("the new speed is in force with the next chunk of every worker")

    run(act())


@app.command()
def report(campaign_id: CampaignId, as_json: AsJson = False) -> None:
    """What became of it: states, failure reasons, rates, times."""

    async def act() -> None:
        async with open_services() as (services, actor):
            show.report(await runs.report_campaign(services, actor, campaign_id), as_json=as_json)

    run(act())


@app.command()
def verify(
    campaign_id: CampaignId,
    provider: Annotated[
        bool, typer.Option("--provider", help="Compare with the provider's own log too; asks for it page by page.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count the ledger anew and compare the books; exit code 1 when they do not balance."""

    async def act() -> bool:
        async with open_services() as (services, actor):
            with errors.status("counting the ledger anew") as status:
                found = await runs.verify_campaign(
                    services,
                    actor,
                    campaign_id,
                    with_provider=provider,
                    progressed=lambda listed: status.update(f"reading the provider's log: {listed:,} messages"),
                )
        show.verification(found, as_json=as_json)
        return found.balanced

    if not run(act()):
        raise typer.Exit(1)


def _settings(document: dict[str, Any]) -> CampaignSettings:
    try:
        return CampaignSettings.model_validate(document)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidInput:
    broken = [FieldError(".".join(map(str, item["loc"])), item["msg"], item["type"]) for item in error.errors()]
    return InvalidInput("; ".join(f"{item.field}: {item.rule}" for item in broken), errors=broken)
