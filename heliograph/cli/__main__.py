"""The `heliograph` command."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from heliograph.cli.audience import app as audience_app
from heliograph.cli.bench import bench
from heliograph.cli.campaign import app as campaign_app
from heliograph.cli.connector import app as connector_app
from heliograph.cli.demo import demo
from heliograph.cli.doctor import doctor
from heliograph.cli.keys import app as keys_app
from heliograph.cli.message import app as message_app
from heliograph.cli.migrate import migrate
from heliograph.cli.output import print_error
from heliograph.cli.providers import providers
from heliograph.cli.report import app as report_app
from heliograph.cli.route import app as route_app
from heliograph.cli.sender import app as sender_app
from heliograph.cli.session import choices
from heliograph.cli.template import app as template_app
from heliograph.cli.up import up
from heliograph.cli.webhook import app as webhook_app
from heliograph.errors import HeliographError
from heliograph.temporal.exit import leave

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Campaigns that never lose or double a message, and can prove it.",
)


@app.callback()
def options(
    workspace: Annotated[
        str | None, typer.Option(help="Name or id of the workspace; by default HELIOGRAPH_WORKSPACE, or the only one.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Data directory; by default HELIOGRAPH_DATA_DIR, or ./.heliograph.")
    ] = None,
) -> None:
    """Options that hold for every command."""
    choices.workspace = workspace
    choices.data_dir = data_dir


# -- one line a command
app.command()(up)
app.command()(doctor)
app.command()(migrate)
app.command()(demo)
app.command()(bench)
app.command()(providers)
app.add_typer(campaign_app, name="campaign")
app.add_typer(template_app, name="template")
app.add_typer(audience_app, name="audience")
app.add_typer(connector_app, name="connector")
app.add_typer(sender_app, name="sender")
app.add_typer(route_app, name="route")
app.add_typer(message_app, name="message")
app.add_typer(report_app, name="report")
app.add_typer(webhook_app, name="webhook")
app.add_typer(keys_app, name="keys")


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code: 0, 1 when it failed, 2 when it was not understood."""
    try:
        app(arguments, prog_name="heliograph")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except HeliographError as error:
        print_error(error, as_json="--json" in arguments)
        return 1
    return 0


def main() -> NoReturn:
    """The entry point."""
    leave(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
