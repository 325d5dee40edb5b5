"""`heliograph webhook`: where the workspace hears of its messages and campaigns."""

from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, id_column, print_json
from heliograph.cli.session import open_services, run
from heliograph.db.pages import Page, PageRequest
from heliograph.db.tables import WebhookDelivery
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy
from heliograph.services import webhooks
from heliograph.services.webhooks import WebhookSecret, WebhookView

app = typer.Typer(no_args_is_help=True, help="Webhooks: where changes of messages and campaigns are told.")

WebhookId = Annotated[UUID, typer.Argument(help="Id of the webhook.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many.")]
After = Annotated[UUID | None, typer.Option(help="Go on after this id.")]


@app.command()
def create(
    url: Annotated[str, typer.Argument(help="Where callbacks are posted.", show_default=False)],
    kind: Annotated[list[WebhookKind], typer.Option(help="What it wants to hear of; may be repeated.")] = [  # noqa: B006 - typer copies it
        WebhookKind.MESSAGE
    ],
    strategy: Annotated[WebhookStrategy, typer.Option(help="When.")] = WebhookStrategy.ON_CHANGE,
    description: Annotated[str, typer.Option(help="For people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Makes a webhook and shows its secret, this once."""

    async def command() -> WebhookSecret:
        async with open_services() as (services, actor):
            return await webhooks.create_webhook(
                services, actor, url=url, kinds=kind, strategy=strategy, description=description
            )

    _hand_over(run(command()), as_json=as_json)


@app.command("list")
def list_(limit: Limit = 50, after: After = None, as_json: AsJson = False) -> None:
    """Lists webhooks, newest first, with the hosts that requests have named."""

    async def command() -> Page[WebhookView, UUID]:
        async with open_services() as (services, actor):
            return await webhooks.list_webhooks(services, actor, PageRequest(limit, after))

    page = run(command())
    if as_json:
        print_json({"items": [_shown(view) for view in page.items], "next": page.next})
        return
    table = Table(id_column(), "url", "kinds", "strategy", "waiting", "dead", "trouble")
    for view in page.items:
        webhook = view.webhook
        table.add_row(
            str(webhook.id),
            Text(webhook.url),
            "by request" if webhook.by_request else ", ".join(webhook.kinds),
            "" if webhook.by_request else webhook.strategy.value,
            str(view.backlog.waiting),
            str(view.backlog.dead),
            Text(webhook.last_error or ""),
        )
    console.print(table)
    if page.next is not None:
        console.print(f"more: --after {page.next}")


@app.command()
def rotate(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Makes a new secret and shows it, this once; the earlier one signs too for a day."""

    async def command() -> WebhookSecret:
        async with open_services() as (services, actor):
            return await webhooks.rotate_secret(services, actor, webhook_id)

    _hand_over(run(command()), as_json=as_json)


@app.command()
def delete(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Deletes a webhook; what it has not told yet is forgotten."""

    async def command() -> None:
        async with open_services() as (services, actor):
            await webhooks.delete_webhook(services, actor, webhook_id)

    run(command())
    if as_json:
        print_json({"deleted": webhook_id})
        return
    console.print(f"deleted {webhook_id}", markup=False)


@app.command()
def dead(webhook_id: WebhookId, limit: Limit = 50, after: After = None, as_json: AsJson = False) -> None:
    """Lists callbacks that were given up, with the reason."""

    async def command() -> Page[WebhookDelivery, UUID]:
        async with open_services() as (services, actor):
            return await webhooks.list_dead_letters(services, actor, webhook_id, PageRequest(limit, after))

    page = run(command())
    if as_json:
        print_json({"items": [_letter(each) for each in page.items], "next": page.next})
        return
    table = Table(id_column(), "kind", "of", "tries", "given up", "reason")
    for each in page.items:
        given_up = f"{each.dead_at:%Y-%m-%d %H:%M}" if each.dead_at else ""
        table.add_row(
            str(each.id), each.kind.value, str(each.subject), str(each.tries), given_up, Text(each.last_error or "")
        )
    console.print(table)
    if page.next is not None:
        console.print(f"more: --after {page.next}")


@app.command()
def replay(
    webhook_id: WebhookId,
    letter: Annotated[list[UUID] | None, typer.Option(help="Id of a dead letter; may be repeated. None: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tells dead letters once more, under their old event ids."""

    async def command() -> int:
        async with open_services() as (services, actor):
            return await webhooks.replay_dead_letters(services, actor, webhook_id, letter or None)

    count = run(command())
    if as_json:
        print_json({"replayed": count})
        return
    console.print(f"{count} told once more")


def _hand_over(made: WebhookSecret, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": made.webhook.id, "url": made.webhook.url, "secret": made.secret})
        return
    console.print(f"webhook {made.webhook.id}", markup=False)
    console.print(made.secret, markup=False)
    console.print("Keep it: it signs the callbacks, and is not shown again.", style="dim")


def _shown(view: WebhookView) -> dict[str, Any]:
    webhook = view.webhook
    return {
        "id": webhook.id,
        "url": webhook.url,
        "kinds": webhook.kinds,
        "strategy": webhook.strategy,
        "description": webhook.description,
        "by_request": webhook.by_request,
        "waiting": view.backlog.waiting,
        "dead": view.backlog.dead,
        "delivered": webhook.delivered,
        "failing_since": webhook.failing_since,
        "last_error": webhook.last_error,
    }


def _letter(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "kind": delivery.kind,
        "subject": delivery.subject,
        "tries": delivery.tries,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at,
        "dead_at": delivery.dead_at,
    }
