"""What an operator reads on a workflow's page in the Temporal UI, as Markdown."""

from datetime import datetime

from heliograph.contracts import RunPlan
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import RunStatus


def campaign_details(
    plan: RunPlan,
    *,
    status: RunStatus,
    waiting_for: str,
    states: dict[MessageState, int],
    reason: str | None = None,
    as_of: datetime | None = None,
) -> str:
    """Which campaign this is, where it stands, its counts, and what it waits for."""
    lines = [
        f"### {plain(plan.campaign_name)}",
        f"**{status.value}** · waiting for {waiting_for}",
    ]
    if reason:
        lines.append(f"> {plain(reason)}")
    lines.append(
        f"{plan.source_rows} recipients · {plan.channel.value} · {plan.category.value} · wave 1 of 1 at "
        f"{plan.start_at:%Y-%m-%d %H:%M:%S} UTC · speed limit "
        f"{f'{plan.messages_per_second:g}/s' if plan.messages_per_second else 'none'}"
    )
    if states:
        lines.append("\n".join(["| state | messages |", "|---|---:|", *_rows(states)]))
    if as_of:
        lines.append(f"as of {as_of:%Y-%m-%d %H:%M:%S} UTC; the ledger is the authority")
    return "\n\n".join(lines)


def _rows(states: dict[MessageState, int]) -> list[str]:
    return [f"| {state.value} | {states[state]} |" for state in MessageState if states.get(state)]


def plain(text: str) -> str:
    """Text from people, without what Markdown would read as form."""
    return "".join(" " if character in "\r\n`<>|*_[]#" else character for character in text)[:200]
