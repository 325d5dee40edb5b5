"""`heliograph connector`: accounts at providers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.cli.trial_output import print_trial
from heliograph.db.tables import Connector
from heliograph.domain.vocabulary import Channel
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import Balance
from heliograph.services import connectors, trying

app = typer.Typer(no_args_is_help=True, help="Accounts at providers.")

Configuration = Annotated[
    Path | None, typer.Option(help="A JSON file with what the provider needs besides credentials.")
]
ConnectorId = Annotated[UUID | None, typer.Argument(help="Id of the connector; by default the only one.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Lists the workspace's connectors."""

    async def command() -> Sequence[Connector]:
        async with open_services() as (services, actor):
            return await connectors.list_connectors(services, actor)

    found = run(command())
    if as_json:
        print_json({"items": [_shown(each) for each in found]})
        return
    table = Table(id_column(), "name", "provider", "channel", "authenticated", "messages/s")
    for each in found:
        speed = "" if each.messages_per_second is None else f"{each.messages_per_second:g}"
        authenticated = "yes" if each.sealed_credentials is not None else "not yet"
        table.add_row(str(each.id), Text(each.name), each.provider, each.channel.value, authenticated, speed)
    console.print(table)


@app.command()
def add(
    provider: Annotated[str, typer.Argument(help="Key of the provider: see `heliograph providers`.")],
    channel: Annotated[
        Channel | None, typer.Option(help="How its messages travel; by default as the provider's do.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="For people; by default the provider's name.")] = None,
    configuration: Configuration = None,
    as_json: AsJson = False,
) -> None:
    """Adds an account; `heliograph connector authenticate` saves its credentials next."""

    async def command() -> Connector:
        async with open_services() as (services, actor):
            return await connectors.create_connector(
                services,
                actor,
                provider_key=provider,
                channel=channel,
                name=name,
                configuration=_read_configuration(configuration),
            )

    connector = run(command())
    if as_json:
        print_json(_shown(connector))
        return
    console.print(f"{connector.name} is added: heliograph connector authenticate {connector.id}", markup=False)


@app.command()
def authenticate(
    connector_id: ConnectorId = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="field=value; repeat. What is not given is asked for, unseen.")
    ] = None,
    configuration: Configuration = None,
    as_json: AsJson = False,
) -> None:
    """Checks credentials with the provider and keeps them, encrypted."""

    async def command() -> tuple[Connector, str | None]:
        async with open_services() as (services, actor):
            connector = chosen_connector(await connectors.list_connectors(services, actor), connector_id)
            credentials = _credentials(connector, assignments or [])
            return await connectors.save_credentials(
                services, actor, connector.id, credentials, _read_configuration(configuration)
            )

    connector, message = run(command())
    if as_json:
        print_json({"message": message, "connector": _shown(connector)})
        return
    console.print(f"{connector.name} is authenticated", markup=False)
    if message is not None:
        console.print(message, markup=False)


@app.command()
def configure(
    configuration: Annotated[
        Path, typer.Argument(help="A JSON file with what the provider needs besides credentials.")
    ],
    connector_id: Annotated[UUID | None, typer.Option("--connector", help="By default the only one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replaces what the provider needs besides credentials."""

    async def command() -> Connector:
        async with open_services() as (services, actor):
            connector = chosen_connector(await connectors.list_connectors(services, actor), connector_id)
            changes: connectors.ConnectorChanges = {"configuration": _read_configuration(configuration) or {}}
            return await connectors.update_connector(services, actor, connector.id, changes)

    connector = run(command())
    if as_json:
        print_json(_shown(connector))
        return
    console.print(f"{connector.name} is configured", markup=False)


@app.command("try")
def try_(
    to: Annotated[str, typer.Argument(help="A number, with or without country code.")],
    body: Annotated[str, typer.Argument(help="The text.")] = "Does it work? Ça marche ? 😀",
    connector_id: Annotated[UUID | None, typer.Option("--connector", help="By default the only one.")] = None,
    sender: Annotated[str | None, typer.Option(help="By default the connector's oldest sender.")] = None,
    configuration: Configuration = None,
    as_json: AsJson = False,
) -> None:
    """Sends one real message through a custom connector, and shows request and answer without their secrets."""

    async def command() -> trying.Trial:
        async with open_services() as (services, actor):
            connector = chosen_connector(await connectors.list_connectors(services, actor), connector_id)
            request = trying.TryRequest(to, body, sender, _read_configuration(configuration))
            return await trying.try_connector(services, actor, connector.id, request)

    trial = run(command())
    verdict = trying.verdict(trial.outcome)
    if as_json:
        print_json({"verdict": verdict, "request": trial.request, "answer": trial.answer})
        return
    print_trial(trial, verdict)


@app.command()
def balance(connector_id: ConnectorId = None, as_json: AsJson = False) -> None:
    """Asks the provider for the money left."""

    async def command() -> Balance:
        async with open_services() as (services, actor):
            connector = chosen_connector(await connectors.list_connectors(services, actor), connector_id)
            return await connectors.read_balance(services, actor, connector.id)

    left = run(command())
    if as_json:
        print_json({"amount": str(left.amount), "currency": left.currency})
        return
    console.print(f"{left.amount} {left.currency}")


def chosen_connector(found: Sequence[Connector], wanted: UUID | None) -> Connector:
    """The connector with this id, or the only one; `InvalidInput` listing them when that is not clear."""
    matching = [each for each in found if wanted in (None, each.id)]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(f"{each.name} ({each.id})" for each in found) or "none"
    raise InvalidInput.of("connector", f"name one by its id. There are: {names}")


def _read_configuration(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InvalidInput.of("configuration", f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput.of("configuration", f"{file} holds no JSON object")
    return found


def _credentials(connector: Connector, assignments: Sequence[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for assignment in assignments:
        field, sign, value = assignment.partition("=")
        if not sign:
            raise InvalidInput.of("set", "is field=value")
        group, dot, name = field.strip().partition(".")
        held = given.setdefault(group, {} if dot else value)
        if dot and isinstance(held, dict):  # secrets.api_key=…
            held[name] = value
        elif dot or held != value:
            raise InvalidInput.of("set", f"{group} is given twice")
    for field in connectors.credential_fields(connector):
        if field not in given:
            given[field] = typer.prompt(field, hide_input=True, err=True)
    return given


def _shown(connector: Connector) -> dict[str, Any]:
    return {
        "id": connector.id,
        "provider": connector.provider,
        "name": connector.name,
        "channel": connector.channel,
        "authenticated": connector.sealed_credentials is not None,
        "messages_per_second": connector.messages_per_second,
    }
