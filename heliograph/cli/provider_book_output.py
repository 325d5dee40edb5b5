"""How the provider's own book looks on a terminal."""

from typing import Any

from rich.table import Column, Table

from heliograph.cli.output import console
from heliograph.services.provider_book import NotToBeHad, ProviderBook


def provider_book_document(found: ProviderBook | NotToBeHad | None) -> dict[str, Any] | None:
    """The book as JSON; `agrees` is null when it is not to be had."""
    if found is None:
        return None
    if isinstance(found, NotToBeHad):
        return {"agrees": None, "reason": found.reason, "comparison": None, "found_when_asked": 0}
    return {
        "agrees": found.agrees,
        "reason": None,
        "comparison": found.comparison,
        "found_when_asked": found.found_when_asked,
    }


def provider_book(found: ProviderBook | NotToBeHad) -> None:
    """The book beside the ledger; rows of what should not be only where there is any."""
    if isinstance(found, NotToBeHad):
        console.print(f"the provider's book is not to be had: {found.reason}", style="yellow", markup=False)
        return
    compared = found.comparison
    table = Table("the provider's own log", "messages", Column(overflow="fold"))  # an id is wrapped, never cut
    table.add_row("listed for its sender and time", f"{compared.listed:,}", "")
    table.add_row("of this run", f"{compared.of_this_run:,}", f"the ledger: {compared.accepted_in_ledger:,} accepted")
    rows = (
        ("of other runs", compared.of_others, ()),
        ("not listed, found when asked for", found.found_when_asked, ()),
        ("sent twice, as the policy for doubt allows", compared.resends_allowed, ()),
        ("SENT TWICE", found.resends_not_allowed, compared.sent_twice.ids),
        ("MISSING at the provider", compared.missing_at_provider.count, compared.missing_at_provider.ids),
        ("UNKNOWN to the ledger", compared.unknown_to_ledger.count, compared.unknown_to_ledger.ids),
        ("ONE MESSAGE there, several here", compared.named_twice.count, compared.named_twice.ids),
    )
    for name, count, ids in rows:
        if count:
            table.add_row(name, f"{count:,}", " ".join(ids) + (" …" if count > len(ids) > 0 else ""))
    console.print(table)
    if found.agrees:
        console.print("the provider's book agrees: nothing lost, nothing twice", style="green")
    else:
        console.print("the provider's book DIFFERS: see docs/ledger.md for what each line means", style="bold red")
