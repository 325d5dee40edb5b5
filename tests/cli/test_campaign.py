"""How campaigns look on a terminal and as JSON, from what the services hand over."""

from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from rich.markup import render
from rich.progress import Progress

from heliograph.cli import campaign_output as show
from heliograph.cli.campaign_progress import _show
from heliograph.contracts import RunFigures
from heliograph.db.campaigns import Recipients
from heliograph.db.counters import Figure
from heliograph.db.reports import Failure, Timings
from heliograph.db.runs import Books
from heliograph.db.tables import Campaign, Run
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.ledger import MessageState
from heliograph.domain.message_parts import Encoding
from heliograph.domain.vocabulary import CampaignStatus, Category, Channel, DeliveryType, RunStatus
from heliograph.ids import new_id
from heliograph.rendering.estimate import PartsEstimate
from heliograph.services.campaigns import CampaignView
from heliograph.services.launching import Estimate
from heliograph.services.runs import Report, Verification, by_state

Capture = pytest.CaptureFixture[str]
S = MessageState
AT = datetime(2030, 12, 24, 9, 0, tzinfo=UTC)


def run_of(status: RunStatus = RunStatus.COMPLETED, **more: Any) -> Run:
    """A run of a hundred."""
    ids: dict[str, Any] = {name: new_id() for name in Run.model_fields if name.endswith("_id")}
    return Run(
        **ids,
        channel=Channel.SMS,
        category=Category.PROMOTIONAL,
        status=status,
        start_at=AT,
        expires_at=AT,
        receipt_window=60,
        in_doubt_limit=1_000,
        source_rows=100,
        **{"frozen_at": AT, **more},
    )


def view(name: str = "Spring", run: Run | None = None) -> CampaignView:
    """A campaign."""
    campaign = Campaign(
        workspace_id=new_id(),
        name=name,
        status=CampaignStatus.DRAFT,
        delivery_type=DeliveryType.ONE_TIME,
        channel=Channel.SMS,
        category=Category.PROMOTIONAL,
    )
    return CampaignView(campaign, CampaignSettings(name=name, messages_per_second=5), run)


def estimate(**more: Any) -> Estimate:
    """Of 1,000 recipients, 900 would get a message."""
    rendered = PartsEstimate(95, 180, 1, 2, Counter({Encoding.GSM_7: 60, Encoding.UCS_2: 30}), refusals=Counter(x=5))
    complete: dict[str, Any] = {"cost": Decimal("12.34"), "currency": "EUR", "seconds": 3_600.0, "notes": ["[bold]!"]}
    return Estimate(Recipients(1_000, 40, 10, {"US": 950}), 95, rendered, 1_800, **{**complete, **more})


def report(run: Run, details: list[Figure], **more: Any) -> Report:
    """What became of the run."""
    figures = RunFigures(source_rows=run.source_rows, states=by_state(details))
    return Report(run, figures, details, temporal_url="http://ui/x", **{"failures": [], "timings": None, **more})


DETAILS = [
    Figure(S.DELIVERED, "", 90, 90),
    Figure(S.UNDELIVERED, "30003", 4, 4),
    Figure(S.SUPPRESSED, "opt_out", 6, 0),
]


def document(capture: Capture) -> Any:
    """The one line of JSON on standard output."""
    (line,) = capture.readouterr().out.splitlines()
    return orjson.loads(line)


def text(capture: Capture) -> str:
    """What was written for people."""
    return capture.readouterr().out


def test_a_draft_shows_its_settings_and_the_next_command(capsys: Capture) -> None:
    made = view("[red]Sale[/red]")
    show.campaign(made, as_json=False)
    shown = text(capsys)
    assert "[red]Sale[/red]: DRAFT" in shown
    assert "messages_per_second: 5.0" in shown
    assert f"heliograph campaign launch {made.campaign.id} --watch" in shown
    show.campaign(made, as_json=True)
    found = document(capsys)
    assert (found["id"], found["settings"]["name"], found["run_id"]) == (str(made.campaign.id), "[red]Sale[/red]", None)


def test_a_paused_run_says_why(capsys: Capture) -> None:
    show.campaign(view(run=run_of(RunStatus.PAUSED, pause_reason="the provider refuses [63038]")), as_json=False)
    assert "paused: the provider refuses [63038]" in text(capsys)


def test_a_list_never_cuts_an_id(capsys: Capture) -> None:
    views = [view("x" * 150), view("[b]", run_of())]
    show.campaigns(views, as_json=False)
    shown = text(capsys)
    assert all(str(item.campaign.id) in shown for item in views)
    assert "[b]" in shown
    show.campaigns(views, as_json=True)
    assert [item["source_rows"] for item in document(capsys)] == [None, 100]


def test_an_estimate_shows_exclusions_parts_encodings_cost_and_time(capsys: Capture) -> None:
    show.estimate(estimate())
    shown = text(capsys)
    for words in ("40 duplicates, 10 suppressed", "5 of 95 looked at: x", "12.34 EUR", "3,600 s", "66.7%", "[bold]!"):
        assert words in shown
    show.estimate(estimate(cost=None, currency=None, seconds=None))
    shown = text(capsys)
    assert "unknown" in shown
    assert "time at its speed limits" not in shown


def test_an_estimate_as_json_has_its_figures(capsys: Capture) -> None:
    show.estimate(estimate(), as_json=True)
    found = document(capsys)
    assert (found["recipients"], found["messages"], found["parts"], found["refused"]) == (1_000, 900, 1_800, {"x": 5})
    assert (found["cost"], found["seconds"]) == ("12.34", 3_600.0)
    assert set(found["encodings"].values()) == {60, 30}


def test_a_report_shows_states_reasons_failures_and_times(capsys: Capture) -> None:
    percentiles = (0.010, 0.020, 0.030)
    timings = Timings(AT, AT + timedelta(seconds=10), 94, percentiles, None)
    failures = [Failure(S.UNDELIVERED, "30003", "delivery", "[off] handset", 4)]
    found = report(run_of(closed_at=AT), DETAILS, failures=failures, timings=timings)
    show.report(found)
    shown = text(capsys)
    for words in (
        "delivered",
        "opt_out 6",
        "30003",
        "[off] handset",
        "9 messages/s",
        "p50 10 ms, p95 20 ms, p99 30 ms",
    ):
        assert words in shown
    assert "accept → delivered" not in shown
    show.report(found, as_json=True)
    answer = document(capsys)
    assert answer["states"] == {"delivered": 90, "undelivered": 4, "suppressed": 6}
    assert answer["excluded"] == {"opt_out": 6}
    assert answer["failures"][0]["count"] == 4
    assert (answer["messages_per_second"], answer["claim_to_accept_seconds"]) == (9.4, list(percentiles))


@pytest.mark.parametrize(
    ("verb", "words"),
    [("stopped", "90 accepted, 3 in doubt, 7 never sent"), ("paused", "90 accepted, 3 in doubt, 2 w")],
)
def test_the_answer_to_a_change_counts_what_matters(capsys: Capture, verb: str, words: str) -> None:
    states = {S.DELIVERED: 90, S.IN_DOUBT: 3, S.CANCELLED: 7, S.QUEUED: 2}
    show.figures(verb, RunFigures(source_rows=102, states=states), as_json=False)
    assert f"{verb}: {words}" in text(capsys)
    show.figures(verb, RunFigures(source_rows=102, states=states), as_json=True)
    assert {"accepted": 90, "never_sent": 7, "source_rows": 102}.items() <= document(capsys).items()


@pytest.mark.parametrize("missing", [0, 1])
def test_a_proof_shows_the_books_beside_each_other_and_its_verdict(capsys: Capture, missing: int) -> None:
    ledger = [Figure(S.DELIVERED, "", 90 - missing, 90), *DETAILS[1:]]
    books = Books(100, ledger, DETAILS, recipients=100 - missing)
    found = Verification(run_of(), books, DETAILS, moved_since=2)
    show.verification(found, as_json=False)
    shown = text(capsys)
    assert ("NOT BALANCED" in shown) == bool(missing)
    assert "2 messages moved after the close" in shown
    show.verification(found, as_json=True)
    answer = document(capsys)
    assert (answer["balanced"], answer["counted"], answer["ledger"]["delivered"]) == (
        not missing,
        100 - missing,
        90 - missing,
    )
    assert answer["frozen"] == {"delivered": 90, "undelivered": 4, "suppressed": 6}


def bar(*reports: Report) -> Callable[[str], Any]:
    """A bar after these readings; asks it for a field."""
    progress = Progress(disable=True)
    task, readings = progress.add_task("freezing", total=None, figures=""), deque[tuple[float, int]](maxlen=16)
    for each in reports:
        _show(progress, task, each, readings)
    return lambda name: getattr(progress.tasks[0], name)


@pytest.mark.parametrize(
    ("run", "details", "words", "percentage"),
    [
        (run_of(RunStatus.SCHEDULED, frozen_at=None), [], "freezing", 0),
        (run_of(RunStatus.ACTIVE), [Figure(S.QUEUED, "", 100, 0)], "sending", 0),
        (run_of(RunStatus.ACTIVE), [Figure(S.ACCEPTED, "", 100, 0)], "awaiting receipts", 50),
        (
            run_of(RunStatus.PAUSED, pause_reason="why"),
            [Figure(S.QUEUED, "", 50, 0), Figure(S.DELIVERED, "", 50, 0)],
            "paused: why",
            50,
        ),
        (run_of(RunStatus.COMPLETED), DETAILS, "completed", 100),
        (run_of(RunStatus.STOPPED), [Figure(S.CANCELLED, "stopped", 100, 0)], "stopped", 100),
    ],
)
def test_the_bar_is_full_exactly_when_nothing_is_open(
    run: Run, details: list[Figure], words: str, percentage: float
) -> None:
    field = bar(report(run, details))
    assert (field("description"), field("percentage")) == (words, percentage)


def test_a_reason_with_brackets_is_no_form_of_the_bar() -> None:
    paused = report(run_of(RunStatus.PAUSED, pause_reason="code [/63038]"), DETAILS)
    assert render(bar(paused)("description")).plain == "paused: code [/63038]"


def test_the_bar_counts_what_was_sent_delivered_and_failed() -> None:
    field = bar(report(run_of(RunStatus.ACTIVE), DETAILS))
    assert field("fields")["figures"].startswith("sent 94 · delivered 90 · failed 4")
