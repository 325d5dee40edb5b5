"""`heliograph sender`: what messages come from."""

import asyncio
import time
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.connector import chosen_connector
from heliograph.cli.message import print_trace
from heliograph.cli.output import AsJson, console, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.messages import MessageTrace
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import Sender
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category
from heliograph.ids import new_id
from heliograph.services import messages, senders
from heliograph.services.connectors import list_connectors

app = typer.Typer(no_args_is_help=True, help="Senders: what messages come from.")

_ANSWER_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25

SenderId = Annotated[UUID, typer.Argument(help="Id of the sender.", show_default=False)]


@app.command()
def create(
    kind: Annotated[str, typer.Argument(help="One of the provider's kinds, as long_code: see `heliograph providers`.")],
    address: Annotated[str, typer.Argument(help="Number, code, name or service.")],
    category: Annotated[Category, typer.Option(help="What it sends.")] = Category.PROMOTIONAL,
    connector: Annotated[UUID | None, typer.Option(help="Id of the connector; by default the only one.")] = None,
    name: Annotated[str, typer.Option(help="For people.")] = "",
    default: Annotated[bool, typer.Option("--default", help="Make it the default of its category.")] = False,
    messages_per_second: Annotated[float | None, typer.Option(help="Speed limit; by default none of ours.")] = None,
    as_json: AsJson = False,
) -> None:
    """Adds a sender, checked with the provider."""

    async def command() -> Sender:
        async with open_services() as (services, actor):
            chosen = chosen_connector(await list_connectors(services, actor), connector)
            return await senders.create_sender(
                services,
                actor,
                connector_id=chosen.id,
                kind=kind,
                address=address,
                category=category,
                name=name,
                is_default=default,
                messages_per_second=messages_per_second,
            )

    _report(run(command()), as_json=as_json)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[UUID | None, typer.Option(help="Go on after this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists senders, newest first."""

    async def command() -> tuple[Page[Sender, UUID], dict[UUID, str]]:
        async with open_services() as (services, actor):
            connectors = {each.id: each.name for each in await list_connectors(services, actor)}
            return await senders.list_senders(services, actor, PageRequest(limit, after)), connectors

    page, connectors = run(command())
    if as_json:
        print_json({"items": [_shown(sender) for sender in page.items], "next": page.next})
        return
    table = Table(id_column(), "connector", "kind", "address", "category", "default", "name")
    for sender in page.items:
        default = "default" if sender.is_default else ""
        connector = Text(connectors.get(sender.connector_id, ""))
        kind, address, category = sender.kind, Text(sender.address), sender.category.value
        table.add_row(str(sender.id), connector, kind, address, category, default, Text(sender.name))
    console.print(table)
    if page.next is not None:
        console.print(f"more: --after {page.next}")


@app.command("default")
def make_default(sender_id: SenderId, as_json: AsJson = False) -> None:
    """Makes a sender the default of its channel and category."""

    async def command() -> Sender:
        async with open_services() as (services, actor):
            return await senders.make_default(services, actor, sender_id)

    _report(run(command()), as_json=as_json)


@app.command("test")
def try_(
    sender_id: SenderId,
    to: Annotated[str, typer.Argument(help="A number, with or without country code, or an e-mail address.")],
    body: Annotated[str, typer.Argument(help="The text.")] = "Does it work? Ça marche ? 😀",
    as_json: AsJson = False,
) -> None:
    """Sends one real message from a sender, and shows what the provider answered."""

    async def command() -> MessageTrace:
        async with open_services() as (services, actor):
            queued = await messages.queue_test_message(services, actor, sender_id, to=to, body=body, key=str(new_id()))
            end = time.monotonic() + _ANSWER_SECONDS
            while True:
                trace = await messages.trace_message(services, actor, queued.id)
                under_way = trace.message["state"] in (MessageState.QUEUED, MessageState.CLAIMED)
                if not under_way or time.monotonic() > end:
                    return trace
                await asyncio.sleep(_LOOK_SECONDS)

    print_trace(run(command()), as_json=as_json)


@app.command()
def delete(sender_id: SenderId, as_json: AsJson = False) -> None:
    """Deletes a sender; the default one cannot be."""

    async def command() -> None:
        async with open_services() as (services, actor):
            await senders.delete_sender(services, actor, sender_id)

    run(command())
    if as_json:
        print_json({"message": senders.SAVED})
        return
    console.print(senders.SAVED)


def _report(sender: Sender, *, as_json: bool) -> None:
    if as_json:
        print_json({"message": senders.SAVED, "sender": _shown(sender)})
        return
    default = f", the default for {sender.category.value}" if sender.is_default else ""
    console.print(f"{senders.SAVED}: {sender.kind} {sender.address} ({sender.id}){default}", markup=False)


def _shown(sender: Sender) -> dict[str, Any]:
    return {
        "id": sender.id,
        "connector_id": sender.connector_id,
        "kind": sender.kind,
        "address": sender.address,
        "name": sender.name,
        "channel": sender.channel,
        "category": sender.category,
        "is_default": sender.is_default,
        "messages_per_second": sender.messages_per_second,
    }
