"""`heliograph migrate`: the present schema and search attributes, for a deployment that does not use `up`."""

from typing import Annotated

import typer

from heliograph.cli.output import AsJson, console, print_json
from heliograph.cli.session import current_settings, run
from heliograph.errors import Unavailable
from heliograph.secrets import load_key_ring
from heliograph.settings import Settings
from heliograph.stack.bootstrap import make_first_workspace
from heliograph.stack.schema import Upgrade, upgrade_database, upgrade_temporal
from heliograph.temporal.client import connect


def migrate(
    first_workspace: Annotated[
        bool,
        typer.Option("--first-workspace", help="Make the first workspace too, and print its owner's API key once."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema and Temporal's search attributes up to date."""
    upgrade, key = run(_migrate(current_settings(), first_workspace=first_workspace))
    if as_json:
        print_json({"search_attributes": upgrade.search_attributes, "api_key": key})
        return
    console.print("the schema is up to date")
    registered = ", ".join(upgrade.search_attributes) or "none was missing"
    console.print(f"search attributes registered: {registered}")
    if first_workspace:
        console.print(f"owner's API key: {key}" if key else "there is a workspace already: no key was made")


async def _migrate(settings: Settings, *, first_workspace: bool) -> tuple[Upgrade, str | None]:
    if settings.database_url is None:
        raise Unavailable("no database: set HELIOGRAPH_DATABASE_URL, or use `heliograph up`, which migrates by itself")
    await upgrade_database(settings.database_url)
    upgrade = await upgrade_temporal(await connect(settings, load_key_ring(settings), lazy=True))
    return upgrade, await make_first_workspace(settings) if first_workspace else None
