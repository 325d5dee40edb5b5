"""What a process counts for /metrics: nothing lost, nothing counted twice."""

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel
from heliograph.telemetry import instruments as table
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Route, install_tally, type_name
from heliograph.telemetry.tally import Tally
from heliograph.telemetry.words import Words
from tests.telemetry.conftest import Watched

LABELS = {"provider": "twilio"}


def test_counts_and_values_of_a_series_are_summed() -> None:
    tally = Tally()
    tally.add(table.ACCEPTED, 2, LABELS)
    tally.add(table.ACCEPTED, 3, LABELS)
    tally.record(table.CLAIM_TO_ACCEPT, (0.005, 0.3, 99.0, -1.0), LABELS)
    counter, histogram = tally.take()
    assert (counter.name, counter.labels, counter.count, counter.buckets) == (table.ACCEPTED.name, LABELS, 5, [])
    assert (histogram.count, round(histogram.total, 6)) == (4, 99.305)
    assert histogram.buckets[0] == 2  # a value on a bound belongs to its bucket; a clock that went backwards is zero
    assert histogram.buckets[-1] == 1


def test_what_was_taken_is_not_taken_again() -> None:
    tally = Tally()
    tally.add(table.ACCEPTED, 2, LABELS)
    tally.add(table.ACCEPTED, 0, LABELS)
    tally.record(table.CLAIM_TO_ACCEPT, (), LABELS)
    assert len(tally.take()) == 1
    assert tally.take() == []


def test_what_could_not_be_told_is_counted_again() -> None:
    tally = Tally()
    tally.record(table.CLAIM_TO_ACCEPT, (0.1, 0.2), LABELS)
    lost = tally.take()
    tally.record(table.CLAIM_TO_ACCEPT, (0.1,), LABELS)
    tally.put_back(lost)
    [found] = tally.take()
    assert (found.count, sum(found.buckets)) == (3, 3)


def test_measurements_reach_exporter_and_tally_alike(watched: Watched) -> None:
    tally = Tally()
    install_tally(tally)
    try:
        metrics.record_settled(
            Route("twilio", Channel.SMS, Category.OTP, "2FA"), MessageState.DELIVERED, 2, lags_seconds=(1.0, 2.0)
        )
    finally:
        install_tally(None)
    assert list(watched.points("heliograph.messages.delivered").values()) == [2]
    assert {each.name: each.count for each in tally.take()} == {table.DELIVERED.name: 2, table.RECEIPT_LAG.name: 2}


def test_messages_without_a_type_have_that_of_their_category() -> None:
    assert type_name(None, Category.OTP) == "verification"
    assert type_name(None, Category.PROMOTIONAL) == "text"
    assert type_name("medication_request", Category.TRANSACTIONAL) == "medication_request"


def test_a_type_that_may_be_somebodys_number_is_other() -> None:
    assert type_name("for +4915112345678", Category.OTP) == "other"
    assert type_name("order-4915112345678", Category.OTP) == "other"


def test_words_beyond_their_number_are_other() -> None:
    words = Words(3, "[a-z]+")
    assert [words.bounded(word) for word in ("a", "b", "B", "c", "d", "a")] == ["a", "b", "other", "c", "other", "a"]
