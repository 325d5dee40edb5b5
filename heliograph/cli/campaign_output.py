"""How campaigns, estimates, reports and proofs look on a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from heliograph.cli.output import console, id_column, print_json
from heliograph.cli.provider_book_output import provider_book, provider_book_document
from heliograph.contracts import RunFigures
from heliograph.domain.ledger import MessageState
from heliograph.services.campaigns import CampaignView
from heliograph.services.launching import Estimate
from heliograph.services.runs import Report, Verification, by_state


def campaign(found: CampaignView, *, as_json: bool) -> None:
    """One campaign."""
    if as_json:
        print_json(_document(found))
        return
    console.print(f"{found.campaign.name}: {found.campaign.status.value}", style="bold", markup=False)
    console.print(f"  id        {found.campaign.id}")
    for name, value in found.settings.model_dump(mode="json").items():
        if value is not None and name != "name":
            console.print(f"  {name}: {value}", markup=False)
    if found.run is not None:
        console.print(f"  run       {found.run.id}, {found.run.source_rows} recipients")
        if found.run.pause_reason:
            console.print(f"  paused: {found.run.pause_reason}", style="yellow", markup=False)
    else:
        console.print(f"next: heliograph campaign launch {found.campaign.id} --watch", style="dim")


def campaigns(found: Sequence[CampaignView], *, as_json: bool) -> None:
    """A list."""
    if as_json:
        print_json([_document(item) for item in found])
        return
    table = Table(id_column(), "name", "status", "recipients", "launched")
    for item in found:
        table.add_row(
            str(item.campaign.id),
            escape(item.campaign.name),
            item.campaign.status.value,
            str(item.run.source_rows) if item.run else "",
            f"{item.run.created_at:%Y-%m-%d %H:%M}" if item.run else "",
        )
    console.print(table)


def estimate(found: Estimate, *, as_json: bool = False) -> None:
    """What a launch would do."""
    if as_json:
        print_json(estimate_document(found))
        return
    table = Table(title="Estimate", show_header=False)
    table.add_row("recipients", f"{found.recipients.rows:,}")
    table.add_row("excluded", f"{found.recipients.duplicates:,} duplicates, {found.recipients.suppressed:,} suppressed")
    for reason, count in found.rendered.refusals.items():
        table.add_row("cannot be rendered", f"{count:,} of {found.sampled:,} looked at: {reason}")
    table.add_row("messages", f"{found.messages:,}")
    table.add_row("parts", f"{found.parts:,} ({found.rendered.parts_per_message:.2f} a message)")
    for encoding, count in found.rendered.encodings.items():
        share = count / max(1, found.rendered.messages)
        table.add_row("encoding", f"{encoding.value} {share:.1%}")
    cost = "unknown" if found.cost is None else f"{found.cost:,} {found.currency or ''}".strip()
    table.add_row("cost", cost)
    if found.seconds is not None:
        table.add_row("time at its speed limits", f"{found.seconds:,.0f} s")
    console.print(table)
    for note in found.notes:
        console.print(f"note: {note}", style="dim", markup=False)


def estimate_document(found: Estimate) -> dict[str, Any]:
    """The estimate as JSON."""
    return {
        "recipients": found.recipients.rows,
        "duplicates": found.recipients.duplicates,
        "suppressed": found.recipients.suppressed,
        "messages": found.messages,
        "refused": dict(found.rendered.refusals),
        "sampled": found.sampled,
        "parts": found.parts,
        "encodings": {encoding.value: count for encoding, count in found.rendered.encodings.items()},
        "cost": found.cost,
        "currency": found.currency,
        "seconds": found.seconds,
        "notes": found.notes,
    }


def figures(verb: str, found: RunFigures, *, as_json: bool) -> None:
    """The answer to a pause, resume or stop."""
    if as_json:
        print_json({**found.model_dump(mode="json"), "accepted": found.accepted, "never_sent": found.never_sent})
        return
    waiting = found.states.get(MessageState.QUEUED, 0)
    rest = f"{found.never_sent:,} never sent" if verb == "stopped" else f"{waiting:,} waiting"
    console.print(f"{verb}: {found.accepted:,} accepted, {found.in_doubt:,} in doubt, {rest}")


def report(found: Report, *, as_json: bool = False) -> None:
    """What became of a run."""
    if as_json:
        print_json(report_document(found))
        return
    states = Table("state", "messages", title=f"Run {found.run.id}: {found.run.status.value}")
    for state in MessageState:
        if count := found.figures.states.get(state):
            states.add_row(state.value, f"{count:,}")
    states.add_section()
    states.add_row("audience", f"{found.run.source_rows:,}")
    console.print(states)
    if found.excluded:
        listed = ", ".join(f"{reason} {count:,}" for reason, count in found.excluded.items())
        console.print(f"never sent, by reason: {listed}", markup=False)
    if found.failures:
        failures = Table("state", "code", "messages", "why")
        for failure in found.failures:
            failures.add_row(
                failure.state.value, escape(failure.code), f"{failure.count:,}", escape(failure.message or "")
            )
        console.print(failures)
    if found.timings is not None:
        console.print(
            f"{found.timings.messages_per_second:,.0f} messages/s from the first claim to the last acceptance"
        )
        _percentiles("claim → accept", found.timings.claim_to_accept)
        _percentiles("accept → delivered", found.timings.accept_to_delivered)
    console.print(f"in the Temporal UI: {found.temporal_url}", markup=False)


def _percentiles(name: str, values: tuple[float, float, float] | None) -> None:
    if values is not None:
        p50, p95, p99 = (value * 1_000 for value in values)
        console.print(f"{name}: p50 {p50:,.0f} ms, p95 {p95:,.0f} ms, p99 {p99:,.0f} ms")


def report_document(found: Report) -> dict[str, Any]:
    """The report as JSON."""
    timings = found.timings
    return {
        "run_id": found.run.id,
        "status": found.run.status.value,
        "audience": found.run.source_rows,
        "states": {state.value: count for state, count in found.figures.states.items()},
        "excluded": found.excluded,
        "failures": found.failures,
        "messages_per_second": timings.messages_per_second if timings else None,
        "seconds": timings.seconds if timings else None,
        "claim_to_accept_seconds": timings.claim_to_accept if timings else None,
        "accept_to_delivered_seconds": timings.accept_to_delivered if timings else None,
        "temporal_url": found.temporal_url,
    }


def verification(found: Verification, *, as_json: bool) -> None:
    """The books beside each other."""
    ledger, counters = by_state(found.books.ledger), by_state(found.books.counters)
    frozen = None if found.frozen is None else by_state(found.frozen)
    if as_json:
        print_json(
            {
                "balanced": found.balanced,
                "source_rows": found.books.source_rows,
                "counted": found.books.counted,
                "ledger": ledger,
                "counters": counters,
                "frozen": frozen,
                "moved_since_close": found.moved_since,
                "provider": provider_book_document(found.provider),
            }
        )
        return
    table = Table("state", "ledger", "counters", "frozen at the close")
    for state in MessageState:
        row = (ledger.get(state, 0), counters.get(state, 0), (frozen or {}).get(state, 0))
        if any(row):
            table.add_row(state.value, *(f"{count:,}" for count in row[:2]), "" if frozen is None else f"{row[2]:,}")
    table.add_section()
    table.add_row("Σ", f"{found.books.counted:,}", f"{sum(counters.values()):,}", f"{sum((frozen or {}).values()):,}")
    console.print(table)
    console.print(f"recipients of the frozen source: {found.books.source_rows:,}")
    if found.moved_since:
        console.print(f"{found.moved_since:,} messages moved after the close, by receipts that came late")
    if found.provider is not None:
        provider_book(found.provider)
    verdict = "balanced: every recipient in exactly one state, and the books agree"
    if found.balanced:
        console.print(verdict, style="green")
    else:
        console.print("NOT BALANCED: the books above differ; keep the database and report this", style="bold red")


def _document(found: CampaignView) -> dict[str, Any]:
    return {
        "id": found.campaign.id,
        "status": found.campaign.status.value,
        "settings": found.settings.model_dump(mode="json"),
        "run_id": found.run.id if found.run else None,
        "source_rows": found.run.source_rows if found.run else None,
        "pause_reason": found.run.pause_reason if found.run else None,
    }
