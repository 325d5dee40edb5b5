"""`heliograph route`: through which senders messages go that name none."""

from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, print_json
from heliograph.cli.session import open_services, run
from heliograph.domain.vocabulary import Category, Channel
from heliograph.errors import InvalidInput
from heliograph.services import routes
from heliograph.services.routes import RouteView, WantedRoute

app = typer.Typer(no_args_is_help=True, help="Routes: which senders take messages that name none.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists the workspace's routes, with the health of their connectors."""

    async def command() -> list[RouteView]:
        async with open_services() as (services, actor):
            return await routes.list_routes(services, actor)

    _report(run(command()), as_json=as_json)


@app.command("set")
def set_(
    category: Annotated[Category, typer.Argument(help="What is sent.")],
    ways: Annotated[
        list[str] | None, typer.Argument(help="SENDER_ID[:PRIORITY[:WEIGHT]]; none: the default sender sends all.")
    ] = None,
    channel: Annotated[Channel, typer.Option(help="How it travels.")] = Channel.SMS,
    as_json: AsJson = False,
) -> None:
    """Sets all routes of a category at once."""

    async def command() -> list[RouteView]:
        async with open_services() as (services, actor):
            return await routes.replace_routes(services, actor, channel, category, [_way(each) for each in ways or []])

    _report(run(command()), as_json=as_json)


def _way(text: str) -> WantedRoute:
    sender, *numbers = text.split(":")
    try:
        return WantedRoute(UUID(sender), *map(int, numbers))
    except (ValueError, TypeError):
        raise InvalidInput.of("ways", f"{text!r} is not SENDER_ID[:PRIORITY[:WEIGHT]]") from None


def _report(views: list[RouteView], *, as_json: bool) -> None:
    if as_json:
        print_json({"items": [_shown(view) for view in views]})
        return
    table = Table("channel", "category", "priority", "weight", "sender", "connector", "health")
    for view in views:
        route = view.route
        health = view.health.state.value + (f": {view.health.reason}" if view.share < 1 else "")
        table.add_row(
            route.channel.value,
            route.category.value,
            str(route.priority),
            str(route.weight),
            Text(view.sender.address),
            Text(view.connector.name),
            Text(health),
        )
    console.print(table if views else "no routes: the default senders send everything")


def _shown(view: RouteView) -> dict[str, Any]:
    return {
        "channel": view.route.channel,
        "category": view.route.category,
        "priority": view.route.priority,
        "weight": view.route.weight,
        "sender_id": view.sender.id,
        "connector_id": view.connector.id,
        "health": view.health.state,
        "health_reason": view.health.reason,
        "share": view.share,
    }
