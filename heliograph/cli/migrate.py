"""`heliograph migrate`: the present schema and search attributes, for a deployment that does not use `up`."""

from heliograph.cli.output import AsJson, console, print_json
from heliograph.cli.session import current_settings, run
from heliograph.errors import Unavailable
from heliograph.secrets import load_key_ring
from heliograph.settings import Settings
from heliograph.stack.schema import Upgrade, upgrade_database, upgrade_temporal
from heliograph.temporal.client import connect


def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema and Temporal's search attributes up to date."""
    upgrade = run(_migrate(current_settings()))
    if as_json:
        print_json(upgrade)
        return
    console.print("the schema is up to date")
    registered = ", ".join(upgrade.search_attributes) or "none was missing"
    console.print(f"search attributes registered: {registered}")


async def _migrate(settings: Settings) -> Upgrade:
    if settings.database_url is None:
        raise Unavailable("no database: set HELIOGRAPH_DATABASE_URL, or use `heliograph up`, which migrates by itself")
    await upgrade_database(settings.database_url)
    return await upgrade_temporal(await connect(settings, load_key_ring(settings), lazy=True))
