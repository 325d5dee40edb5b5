"""What an operator reads on a workflow's page in the Temporal UI, as Markdown."""

from datetime import datetime

from heliograph.contracts import PollingInput, PollingPassResult, RunPlan, WebhookResult
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


def polling_details(
    work: PollingInput, last: PollingPassResult | None, *, waiting_for: str, passes: int, asked: int, moved: int
) -> str:
    """Which connector is polled, what came of it, and what it waits for."""
    lines = [
        f"### Polls {plain(work.provider)}, connector {work.connector_id}",
        "Asks the provider about messages that no receipt has brought to an end, until nothing is awaited there.",
        f"**Waiting for {waiting_for}**",
        f"{passes} passes since this run began: {asked} questions, {moved} messages moved",
    ]
    if last is not None and last.away:
        lines.append("> The provider answered no question of the last pass: the pauses grow until it does.")
    elif last is not None:
        lines.append(f"Last pass: {last.asked} asked, {last.answered} answered, {last.moved} moved")
    return "\n\n".join(lines)


def webhook_details(last: WebhookResult | None, *, told: int) -> str:
    """Who is told, whether the receiver takes it, and what waits."""
    host = plain(last.host) if last is not None and last.host else "a webhook"
    lines = [f"### Tells {host} what changed"]
    if last is None or not last.waiting:
        lines.append("**Waiting for something to tell**")
    elif last.next_try_at:
        lines.append(f"**The receiver is in trouble**: left alone until {last.next_try_at:%H:%M:%S} UTC")
    if last is not None and last.trouble:
        lines.append(f"> The last callback was not taken: {plain(last.trouble)}")
    lines.append(f"Told since this run began: {told}; waiting after the last round: {last.waiting if last else 0}")
    return "\n\n".join(lines)


def _rows(states: dict[MessageState, int]) -> list[str]:
    return [f"| {state.value} | {states[state]} |" for state in MessageState if states.get(state)]


def plain(text: str) -> str:
    """Text from people, without what Markdown would read as form."""
    return "".join(" " if character in "\r\n`<>|*_[]#" else character for character in text)[:200]
