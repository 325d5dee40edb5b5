"""`heliograph providers`: what kinds of connectors there are, what each can do, and how that was proven."""

from rich.table import Table
from rich.text import Text

from heliograph.cli.output import AsJson, console, print_json
from heliograph.providers.protocol import Provider
from heliograph.services.connectors import all_providers


def providers(as_json: AsJson = False) -> None:
    """Lists every provider with what it can do and how it was proven."""
    found = all_providers()
    if as_json:
        print_json({"items": [_shown(each) for each in found]})
        return
    table = Table("key", "name", "channels", "can", "senders", "proven by")
    for each in found:
        senders = ", ".join(kind.key for kind in each.capabilities.sender_kinds)
        channels = ", ".join(sorted(each.capabilities.channels))
        proven = ", ".join(each.capabilities.proven_by)
        table.add_row(each.key, Text(each.name), channels, ", ".join(_abilities(each)), Text(senders), Text(proven))
    console.print(table)
    console.print("What each has to be configured with: docs/providers/<key>.md")


def _abilities(kind: Provider) -> list[str]:
    """In words, the most telling first."""
    can = kind.capabilities
    told = [
        (can.callbacks and can.signed, "signed receipts"),
        (can.callbacks and not can.signed, "receipts"),
        (can.bounces, "bounces"),
        (can.polling, "polling"),
        (can.batch_size > 1, f"{can.batch_size} messages a call"),
        (can.look_up, "look-up"),
        (can.inbound, "inbound"),
        (can.balance, "balance"),
        (can.log, "log"),
    ]
    return [word for holds, word in told if holds]


def _shown(kind: Provider) -> dict[str, object]:
    return {
        "key": kind.key,
        "name": kind.name,
        "channels": sorted(kind.capabilities.channels),
        "can": _abilities(kind),
        "sender_kinds": [each.key for each in kind.capabilities.sender_kinds],
        "proven_by": list(kind.capabilities.proven_by),
    }
