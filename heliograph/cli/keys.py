"""`heliograph keys`: API keys of the workspace."""

from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import ApiKey
from heliograph.domain.vocabulary import Role
from heliograph.services import api_keys
from heliograph.services.api_keys import NewKey

app = typer.Typer(no_args_is_help=True, help="API keys: who may call.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What its holder may do.")] = Role.MARKETER,
    as_json: AsJson = False,
) -> None:
    """Makes a key and shows it, this once."""

    async def command() -> NewKey:
        async with open_services() as (services, actor):
            return await api_keys.create_api_key(services, actor, name, role)

    new = run(command())
    if as_json:
        print_json({"key": new.text, "api_key": _shown(new.api_key)})
        return
    console.print(new.text, markup=False)
    console.print("Keep it: it is not shown again.", style="dim")


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[UUID | None, typer.Option(help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists keys, newest first, revoked ones included."""

    async def command() -> Page[ApiKey, UUID]:
        async with open_services() as (services, actor):
            return await api_keys.list_api_keys(services, actor, PageRequest(limit, after))

    page = run(command())
    if as_json:
        print_json({"items": [_shown(key) for key in page.items], "next": page.next})
        return
    table = Table(id_column(), "name", "role", "begins with", "last used", "")
    for key in page.items:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        table.add_row(
            str(key.id),
            Text(key.name),
            key.role.value,
            key.prefix,
            used,
            "revoked" if key.revoked_at is not None else "",
        )
    console.print(table)
    if page.next is not None:
        console.print(f"more: --after {page.next}")


@app.command()
def revoke(
    api_key_id: Annotated[UUID, typer.Argument(help="Id of the key.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Ends a key for good."""

    async def command() -> ApiKey:
        async with open_services() as (services, actor):
            return await api_keys.revoke_api_key(services, actor, api_key_id)

    key = run(command())
    if as_json:
        print_json(_shown(key))
        return
    console.print(f"revoked {key.name} ({key.id}); running API processes refuse it within five seconds", markup=False)


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "prefix": key.prefix,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
