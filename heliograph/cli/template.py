"""`heliograph template`: message texts from the command line."""

import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Template
from heliograph.domain.vocabulary import MissingVariable
from heliograph.errors import InvalidInput
from heliograph.services import templates
from heliograph.services.template_text import Preview, TemplateText
from heliograph.services.templates import VersionedTemplate

app = typer.Typer(no_args_is_help=True, help="Message texts with variables, their versions and previews.")

TemplateId = Annotated[UUID, typer.Argument(help="Id of the template.", show_default=False)]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name, for people.", show_default=False)],
    body: Annotated[str | None, typer.Option(help="The text, with {{ variables }}.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="The file that holds the text (UTF-8); - for standard input.")
    ] = None,
    fallback: Annotated[list[str] | None, typer.Option(help="variable=value; repeat for more.")] = None,
    missing: Annotated[
        MissingVariable | None,
        typer.Option(help="What a missing variable does. By default fallback where one is given, else refuse."),
    ] = None,
    smart_encoding: Annotated[
        bool, typer.Option(help="Replace typographic characters where that makes GSM-7.")
    ] = False,
    description: Annotated[str, typer.Option(help="For people.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Repeat for more.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stores a template with version 1."""
    text = TemplateText(_body(body, file), _assignments(fallback, "fallback"), missing, smart_encoding)

    async def command() -> VersionedTemplate:
        async with open_services() as (services, actor):
            return await templates.create_template(services, actor, name, text, description=description, tags=tag or [])

    _show(run(command()), as_json=as_json)


@app.command()
def show(
    template_id: TemplateId,
    version: Annotated[int | None, typer.Option(help="By default the latest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Shows a template with one version."""

    async def command() -> VersionedTemplate:
        async with open_services() as (services, actor):
            return await templates.get_template(services, actor, template_id, number=version)

    _show(run(command()), as_json=as_json)


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Option(help="A part of the name, in any case.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    archived: Annotated[bool, typer.Option(help="Those archived instead of those in use.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[UUID | None, typer.Option(help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists templates, newest first."""

    async def command() -> Page[Template, UUID]:
        async with open_services() as (services, actor):
            request = PageRequest(limit, after)
            return await templates.list_templates(
                services, actor, request, name_contains=name, tag=tag, archived=archived
            )

    page = run(command())
    if as_json:
        print_json({"items": [_summary(template) for template in page.items], "next": page.next})
        return
    table = Table(id_column(), "name", "version", "tags", "updated")
    for template in page.items:
        updated = f"{template.updated_at:%Y-%m-%d %H:%M}"
        cells = (str(template.id), template.name, str(template.latest_version), ", ".join(template.tags), updated)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    console.print(table)
    if page.next is not None:
        console.print(f"more: --after {page.next}")


@app.command()
def preview(
    template_id: TemplateId,
    assignments: Annotated[list[str] | None, typer.Option("--set", help="variable=value; repeat for more.")] = None,
    version: Annotated[int | None, typer.Option(help="By default the latest.")] = None,
    audience: Annotated[UUID | None, typer.Option(help="Id of an audience, for the variables of a row of it.")] = None,
    row: Annotated[int | None, typer.Option(min=1, help="The row of the audience, from 1.")] = None,
    as_json: AsJson = False,
) -> None:
    """Shows what one recipient would get, and what it costs."""
    variables = _assignments(assignments, "set")

    async def command() -> Preview:
        async with open_services() as (services, actor):
            return await templates.preview_template(
                services, actor, template_id, variables, number=version, audience_id=audience, row=row
            )

    _show_preview(run(command()), as_json=as_json)


def _body(body: str | None, file: Path | None) -> str:
    if (body is None) == (file is None):
        raise InvalidInput.of("body", "give either --body or --file", "required")
    if body is not None:
        return body
    assert file is not None
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput.of("file", f"cannot be read as UTF-8 text: {error}", "unreadable") from error


def _assignments(pairs: list[str] | None, field: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs or []:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise InvalidInput.of(field, f"takes variable=value, not {pair!r}", "assignment")
        values[name.strip()] = value
    return values


def _summary(template: Template) -> dict[str, Any]:
    return template.model_dump(mode="json", exclude={"workspace_id"})


def _show(found: VersionedTemplate, *, as_json: bool) -> None:
    template, version = found.template, found.version
    if as_json:
        shown = version.model_dump(mode="json", exclude={"workspace_id", "template_id"})
        print_json({**_summary(template), "version": shown})
        return
    console.print(f"{template.name}  {template.id}", style="bold", markup=False)
    if template.description:
        console.print(template.description, markup=False)
    facts = [f"version {version.number}", f"missing variable: {version.missing_variable.value}"]
    facts += ["smart encoding"] if version.smart_encoding else []
    facts += [f"tags: {', '.join(template.tags)}"] if template.tags else []
    facts += ["archived"] if template.archived_at else []
    console.print(" · ".join(facts), markup=False)
    for name in version.variables:
        fallback = version.fallbacks.get(name)
        console.print(f"  {name}" + (f" (fallback {fallback!r})" if fallback is not None else ""), markup=False)
    console.print()
    console.print(version.body, markup=False)


def _show_preview(preview: Preview, *, as_json: bool) -> None:
    parts = preview.parts
    if as_json:
        print_json(
            {
                "body": preview.body,
                **(parts._asdict() if parts is not None else {}),
                "forcing_characters": [each._asdict() for each in preview.forcing_characters],
                "missing_variables": preview.missing_variables,
                "refusal": preview.refusal,
                "reason": preview.reason,
            }
        )
        return
    if parts is None:
        console.print(f"no message ({preview.refusal}): {preview.reason}", style="red", markup=False)
        return
    console.print(preview.body, markup=False)
    console.print()
    plural = "part" if parts.parts == 1 else "parts"
    left = f"{parts.units_left_in_last_part} left in the last"
    console.print(f"{parts.parts} {plural}, {parts.encoding.value}, {parts.units} units, {left}", markup=False)
    for each in preview.forcing_characters:
        console.print(f"forces UCS-2: {each.character} {each.name}, at {_places(each.positions)}", markup=False)
    if preview.missing_variables:
        console.print(f"missing: {', '.join(preview.missing_variables)}", markup=False)


def _places(positions: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, positions[:10]))
    return f"{shown} and {len(positions) - 10} more" if len(positions) > 10 else shown
