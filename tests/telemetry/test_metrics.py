"""What happened is counted once, under few attributes, and costs next to nothing when nobody looks."""

import time

from heliograph.contracts import Lane
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel, ErrorClass
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, Outcome, ProviderError, Refused
from heliograph.telemetry import metrics
from heliograph.telemetry.instruments import INSTRUMENTS, Kind
from heliograph.telemetry.metrics import Bucket, Route, Verdict
from tests.telemetry.conftest import Watched

ROUTE = Route("twilio", Channel.SMS, Category.PROMOTIONAL)
KEY = (("category", "promotional"), ("channel", "sms"), ("provider", "twilio"), ("type", "text"))
ERROR = ProviderError(ErrorClass.RECIPIENT, "21211", "invalid")


def test_a_commit_of_acceptances_counts_messages_and_latencies(watched: Watched) -> None:
    metrics.record_claimed(ROUTE, 256)
    metrics.record_accepted(ROUTE, 3, (0.1, 0.2, 0.3))
    metrics.record_accepted(ROUTE, 2)
    assert watched.points("heliograph.messages.claimed") == {KEY: 256}
    assert watched.points("heliograph.messages.accepted") == {KEY: 5}
    [(count, total)] = watched.points("heliograph.accept.latency").values()
    assert (count, round(total, 6)) == (3, 0.6)


def test_refusals_are_told_apart_by_error_class(watched: Watched) -> None:
    metrics.record_rejected(ROUTE, ErrorClass.RECIPIENT, 2)
    metrics.record_rejected(ROUTE, ErrorClass.OPT_OUT, 1)
    metrics.record_returned(ROUTE, ErrorClass.RATE_LIMITED, 7)
    metrics.record_doubted(ROUTE, 4)
    by_class = {
        dict(key)["error_class"]: value for key, value in watched.points("heliograph.messages.rejected").items()
    }
    assert by_class == {"recipient": 2, "opt_out": 1}
    assert list(watched.points("heliograph.messages.returned").values()) == [7]
    [doubted] = watched.points("heliograph.messages.doubted")
    assert dict(doubted)["error_class"] == "unknown_outcome"


def test_receipts_count_by_state_with_their_lag(watched: Watched) -> None:
    metrics.record_settled(ROUTE, MessageState.DELIVERED, 2, lags_seconds=(3.0, 5.0))
    metrics.record_settled(ROUTE, MessageState.UNDELIVERED, 1, error_class=ErrorClass.DELIVERY, lags_seconds=(9.0,))
    metrics.record_settled(ROUTE, MessageState.FAILED, 1)
    assert watched.points("heliograph.messages.delivered") == {KEY: 2}
    assert len(watched.points("heliograph.messages.undelivered")) == 1
    [failed] = watched.points("heliograph.messages.failed")
    assert dict(failed)["error_class"] == "other"
    lags = {dict(key)["state"]: value for key, value in watched.points("heliograph.receipt.lag").items()}
    assert lags == {"delivered": (2, 8.0), "undelivered": (1, 9.0)}


def test_each_outcome_of_a_call_has_a_name() -> None:
    outcomes: list[Outcome] = [Accepted("SM1", "queued"), Refused(ERROR), NotProcessed(ERROR), InDoubt(ERROR)]
    assert [metrics.outcome_name(each) for each in outcomes] == ["accepted", "refused", "not_processed", "in_doubt"]


def test_reasons_that_are_not_plain_words_become_other(watched: Watched) -> None:
    for reason in ("opt_out", "missing variable 'Anna'", "+4915112345678"):
        metrics.record_excluded(Channel.SMS, Category.PROMOTIONAL, MessageState.SUPPRESSED, reason, 1)
    reasons = {dict(key)["reason"]: value for key, value in watched.points("heliograph.messages.excluded").items()}
    assert reasons == {"opt_out": 1, "other": 2}


def test_a_clock_that_went_backwards_counts_as_zero(watched: Watched) -> None:
    metrics.record_pacing_wait(Bucket.CAMPAIGN, Lane.BULK, -0.5)
    assert list(watched.points("heliograph.pacing.wait").values()) == [(1, 0.0)]


def test_every_instrument_is_recorded_with_the_attributes_of_the_table(watched: Watched) -> None:
    record_everything()
    for instrument in INSTRUMENTS:
        if instrument.kind is Kind.GAUGE or instrument.name.startswith("http."):
            continue
        points = watched.points(instrument.name)
        assert points, instrument.name
        for key in points:
            assert {name for name, _ in key} == set(instrument.attributes), instrument.name


def record_everything() -> None:
    metrics.record_claimed(ROUTE, 1)
    metrics.record_accepted(ROUTE, 1, (0.1,))
    metrics.record_returned(ROUTE, ErrorClass.RATE_LIMITED, 1)
    metrics.record_rejected(ROUTE, ErrorClass.CONTENT, 1)
    metrics.record_doubted(ROUTE, 1)
    for state in MessageState:
        metrics.record_settled(ROUTE, state, 1, lags_seconds=(1.0,))
    metrics.record_excluded(Channel.SMS, Category.OTP, MessageState.CAPPED, "daily_cap", 1)
    metrics.record_provider_requests("twilio", "accepted", (0.1,))
    metrics.record_callbacks("twilio", Verdict.STORED)
    metrics.record_imported(added=2, rejected=1, duplicates=1)
    metrics.record_pacing_wait(Bucket.CONNECTOR, Lane.OTP, 0.1)


def test_recording_costs_next_to_nothing_without_an_exporter() -> None:
    def per_call(times: int = 20_000) -> float:
        started = time.perf_counter()
        for _ in range(times):
            metrics.record_accepted(ROUTE, 1, (0.1,))
        return (time.perf_counter() - started) / times

    def bare(times: int = 20_000) -> float:
        started = time.perf_counter()
        for _ in range(times):
            _nothing(ROUTE, 1, (0.1,))
        return (time.perf_counter() - started) / times

    assert min(per_call() for _ in range(5)) < 10 * min(bare() for _ in range(5))


def _nothing(route: Route, count: int, latencies: tuple[float, ...]) -> None:
    """What a call costs at the least."""
