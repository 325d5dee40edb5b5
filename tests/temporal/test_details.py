"""What an operator reads in the Temporal UI: text from people stays text."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from heliograph.contracts import RunPlan, WebhookResult
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, RunStatus
from heliograph.ids import new_id
from heliograph.temporal.details import campaign_details, plain, webhook_details

AT = datetime(2030, 12, 24, 9, 0, tzinfo=UTC)


def details(name: str, *, reason: str | None = None, states: dict[MessageState, int] | None = None) -> str:
    """The text for a run."""
    plan = RunPlan(
        campaign_id=new_id(),
        campaign_name=name,
        category=Category.PROMOTIONAL,
        channel=Channel.SMS,
        status=RunStatus.ACTIVE,
        pause_reason=None,
        start_at=AT,
        expires_at=AT + timedelta(days=1),
        source_rows=600_000,
        frozen=True,
        messages_per_second=12.5,
        **dict.fromkeys(("receipt_window", "first_poll", "in_doubt_after", "lease"), timedelta(minutes=1)),
    )
    return campaign_details(plan, status=RunStatus.ACTIVE, waiting_for="batches", states=states or {}, reason=reason)


@given(st.text(max_size=400), st.text(max_size=400))
def test_no_name_or_reason_adds_form_of_its_own(name: str, reason: str) -> None:
    text = details(name, reason=f"x{reason}")
    reference = details("", reason="x")
    assert len(text.split("\n\n")) == len(reference.split("\n\n"))
    for mark in "<|`[]_":
        assert text.count(mark) == reference.count(mark)


def test_a_name_cannot_be_a_heading_a_link_or_an_element() -> None:
    assert plain("# Sale\n[x](http://a) <img src=x> **now** a|b") == "  Sale  x (http://a)  img src=x    now   a b"


def test_the_counts_are_a_table_in_the_order_of_life() -> None:
    text = details("Spring", states={MessageState.DELIVERED: 3, MessageState.QUEUED: 2, MessageState.FAILED: 0})
    assert "| state | messages |\n|---|---:|\n| queued | 2 |\n| delivered | 3 |" in text
    assert "failed" not in text
    assert "speed limit 12.5/s" in text


def test_a_webhooks_page_names_the_receiver_its_trouble_and_what_waits() -> None:
    last = WebhookResult(told=0, host="shop.example", waiting=9, trouble="answered <b>503", next_try_at=AT)
    text = webhook_details(last, told=12)
    assert text.splitlines()[0] == "### Tells shop.example what changed"
    assert "in trouble**: left alone until 09:00:00 UTC" in text
    assert "> The last callback was not taken: answered  b 503" in text
    assert "run began: 12; waiting after the last round: 9" in text


def test_a_webhook_without_trouble_waits_for_something_to_tell() -> None:
    assert "**Waiting for something to tell**" in webhook_details(None, told=0)
    assert "trouble" not in webhook_details(WebhookResult(told=3, host="shop.example"), told=3)
