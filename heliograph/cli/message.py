"""`heliograph message`: one message, and what became of it."""

from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.messages import MessageTrace
from heliograph.domain.vocabulary import Category, Channel
from heliograph.ids import new_id
from heliograph.providers.protocol import EmailContent
from heliograph.services import messages
from heliograph.services.message_requests import MessageRequest

app = typer.Typer(no_args_is_help=True, help="Direct messages.")


@app.command()
def send(
    to: Annotated[str, typer.Argument(help="A number, with or without country code, or an e-mail address.")],
    body: Annotated[str, typer.Argument(help="The text.")],
    category: Annotated[Category, typer.Option(help="Decides lane and default sender.")] = Category.TRANSACTIONAL,
    subject: Annotated[str | None, typer.Option(help="Makes it an e-mail.")] = None,
    sender: Annotated[UUID | None, typer.Option(help="Id of the sender; by default the default one.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Your own word for it.")] = None,
    key: Annotated[str | None, typer.Option(help="Repeat it to repeat the command without sending again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Queues a message; the stack sends it. `heliograph message show ID` tells what became of it."""
    request = MessageRequest(
        to=to,
        body=body,
        category=category,
        channel=Channel.SMS if subject is None else Channel.EMAIL,
        sender_id=sender,
        type=kind,
        email=None if subject is None else EmailContent(subject),
    )

    async def command() -> UUID:
        async with open_services() as (services, actor):
            (queued,) = await messages.queue_messages(services, actor, [request], key=key or str(new_id()))
            return queued.id

    message_id = run(command())
    if as_json:
        print_json({"id": message_id})
        return
    console.print(f"queued: {message_id}")


@app.command()
def show(message_id: Annotated[UUID, typer.Argument(help="Id of the message.")], as_json: AsJson = False) -> None:
    """Everything that happened to a message: each try, each receipt."""

    async def command() -> MessageTrace:
        async with open_services() as (services, actor):
            return await messages.trace_message(services, actor, message_id)

    print_trace(run(command()), as_json=as_json)


def print_trace(trace: MessageTrace, *, as_json: bool) -> None:
    """The state of a message with its reason, each try, each receipt."""
    if as_json:
        print_json({"message": trace.message, "tries": trace.attempts, "receipts": trace.receipts})
        return
    row = trace.message
    console.print(f"{row['state']} {row['reason'] or row['error_message'] or ''}".rstrip(), markup=False)
    table = Table("try", "connector", "sender", "claimed", "outcome", "provider's id", "error")
    for each in [*trace.attempts, *([row] if row["attempt"] else [])]:
        table.add_row(*map(Text, _try(each)))
    console.print(table)
    for receipt in trace.receipts:
        word = f"{receipt['status']} {receipt['code']}".rstrip()
        console.print(f"{receipt['received_at']:%H:%M:%S} receipt: {word}", markup=False)


def _try(row: dict[str, Any]) -> list[str]:
    claimed = row["claimed_at"]
    return [
        str(row["attempt"]),
        row["connector_name"] or "",
        row["sender_address"] or "",
        f"{claimed:%Y-%m-%d %H:%M:%S}" if claimed else "",
        row.get("outcome") or row["state"],
        row["provider_message_id"] or "",
        " ".join(filter(None, (row["error_code"], row["error_message"]))),
    ]
