"""Ages at which providers are asked, and what is done with a message that is looked at."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.ledger import AWAITING_RECEIPT, MessageState
from heliograph.domain.polling import Look, Next, Schedule, ages

SECONDS = st.floats(min_value=0.01, max_value=1e6)


@given(
    st.floats(min_value=1, max_value=1e5),
    st.floats(min_value=60, max_value=1e5),
    st.floats(min_value=60, max_value=1e6),
)
def test_ages_grow_with_pauses_up_to_the_longest_and_end_with_the_window(
    first: float, longest: float, window: float
) -> None:
    found = ages(first, longest, window)
    assert found[-1] == window
    pauses = [later - earlier for earlier, later in pairwise(found)]
    assert all(0 < pause <= max(longest, first) * (1 + 1e-9) for pause in pauses)


def test_a_first_age_beyond_the_window_leaves_the_window() -> None:
    assert ages(300, 3600, 60) == (60.0,)


@pytest.mark.parametrize(
    ("age", "can_ask", "expected"),
    [
        (0, True, Look(Next.WAIT, timedelta(seconds=30))),
        (29, True, Look(Next.WAIT, timedelta(seconds=1))),
        (30, True, Look(Next.ASK, timedelta(seconds=30))),
        (45, True, Look(Next.ASK, timedelta(seconds=15))),
        (45, False, Look(Next.WAIT, timedelta(seconds=15))),
        (599, True, Look(Next.ASK, timedelta(seconds=1))),
        (600, True, Look(Next.GIVE_UP)),
        (-5, True, Look(Next.WAIT, timedelta(seconds=35))),  # a clock that was set back
    ],
)
def test_a_message_is_asked_about_from_its_first_age_on(age: float, can_ask: bool, expected: Look) -> None:
    schedule = Schedule(ages(30, 120, 600), can_ask)
    assert schedule.look(MessageState.ACCEPTED, age) == expected


@pytest.mark.parametrize("state", sorted(set(MessageState) - AWAITING_RECEIPT))
def test_what_awaits_no_receipt_is_forgotten(state: MessageState) -> None:
    assert Schedule(ages(30, 120, 600), can_ask=True).look(state, 10_000).next is Next.FORGET
