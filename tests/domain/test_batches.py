"""How a wave is cut into batches: every recipient is covered, whatever comes back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.batches import BatchQueue, BatchRange
from heliograph.domain.campaigns import LARGEST_BATCH, window

NOW = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
speeds = st.none() | st.floats(min_value=0.01, max_value=1_000)


def drained(queue: BatchQueue, speed: float | None = None) -> Iterator[BatchRange]:
    """Ranges until nothing is due."""
    while (batch := queue.take(NOW, speed)) is not None:
        yield batch


@given(st.integers(0, 5_000), st.lists(speeds, min_size=1, max_size=5))
def test_fresh_ranges_lie_side_by_side_from_the_first_recipient_to_the_last(
    last: int, changing: list[float | None]
) -> None:
    queue = BatchQueue(wave=1, first=1, last=last)
    taken: list[BatchRange] = []
    while (batch := queue.take(NOW, changing[len(taken) % len(changing)])) is not None:
        taken.append(batch)
    assert [number for batch in taken for number in range(batch.first, batch.last + 1)] == list(range(1, last + 1))
    assert all(batch.last - batch.first < LARGEST_BATCH for batch in taken)
    assert queue.empty


@given(st.integers(1, 3_000), st.data())
def test_each_recipient_is_covered_once_more_for_each_time_its_range_comes_back(last: int, data: st.DataObject) -> None:
    """No more, no less: what a batch leaves comes again whole, and nothing else does."""
    queue = BatchQueue(wave=1, first=1, last=last)
    covered = [0] * (last + 1)
    expected = [1] * (last + 1)
    put_back = 0
    while (batch := queue.take(NOW, 20.0)) is not None:
        for number in range(batch.first, batch.last + 1):
            covered[number] += 1
        if put_back < 20 and data.draw(st.booleans()):
            put_back += 1
            middle = data.draw(st.integers(batch.first, batch.last))
            queue.put_back(BatchRange(wave=1, first=middle, last=batch.last))
            for number in range(middle, batch.last + 1):
                expected[number] += 1
    assert covered[1:] == expected[1:]
    assert queue.empty


@given(st.integers(1, 50_000), st.integers(0, 50_000))
def test_a_queue_made_of_what_another_left_goes_on_where_that_stood(last: int, cut: int) -> None:
    """As over a continue-as-new."""
    before = BatchQueue(wave=1, first=1, last=last)
    taken: list[BatchRange] = []
    while before.next_number <= cut and (batch := before.take(NOW, None)) is not None:
        taken.append(batch)
    if taken:
        before.put_back(taken.pop())
    after = BatchQueue(wave=1, first=before.next_number, last=last, left_over=before.left_over)
    numbers = [number for batch in [*taken, *drained(after)] for number in (batch.first, batch.last)]
    edges = sorted(zip(numbers[::2], numbers[1::2], strict=True))
    assert edges[0][0] == 1
    assert edges[-1][1] == last
    assert all(begin == end + 1 for (_, end), (begin, _) in pairwise(edges))


@given(st.integers(1, 16), speeds)
def test_what_is_left_over_stays_bounded_while_nothing_can_be_sent(in_flight: int, speed: float | None) -> None:
    """Ranges travel with the workflow's state: a provider that refuses all must not let them grow with the audience."""
    queue = BatchQueue(wave=1, first=1, last=10**9)
    later = NOW + timedelta(minutes=1)
    flying: list[BatchRange] = []
    for _ in range(2_000):
        while len(flying) < in_flight and (batch := queue.take(NOW, speed)) is not None:
            flying.append(batch)
        if not flying:
            break
        queue.put_back(flying.pop(0).model_copy(update={"due_at": later}))
    assert not flying
    assert len(queue.left_over) < 64 + in_flight
    assert queue.take(NOW, speed) is None
    assert not queue.empty
    assert queue.next_due() == later
    assert queue.take(later, speed) is not None


def test_a_range_that_is_not_due_waits_and_lets_fresh_ones_pass() -> None:
    queue = BatchQueue(wave=1, first=1, last=20)
    early, late = (
        BatchRange(wave=1, first=number, last=number, due_at=NOW + timedelta(seconds=number)) for number in (3, 9)
    )
    queue.put_back(late)
    queue.put_back(early)
    assert queue.next_due() == early.due_at
    assert queue.take(NOW, None) == BatchRange(wave=1, first=1, last=20)
    assert queue.take(NOW, None) is None
    assert queue.take(NOW + timedelta(seconds=5), None) == early
    assert queue.take(NOW + timedelta(seconds=9), None) == late
    assert queue.empty


def test_a_wave_without_recipients_is_empty_at_once() -> None:
    queue = BatchQueue(wave=1, first=1, last=0)
    assert queue.empty
    assert queue.take(NOW, None) is None
    assert queue.next_due() is None


@given(speeds)
def test_the_batches_in_flight_can_keep_a_run_at_its_speed(speed: float | None) -> None:
    """A batch is about ten seconds of traffic: with two or more in flight one can end while another goes on."""
    assert window(speed) >= 2
