"""When a connector is shut, and how it comes back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.health import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    SHARES,
    STEP,
    Health,
    HealthState,
    Window,
    judge,
    share_of,
    shut,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
H = HealthState


def test_a_connector_without_trouble_stays_as_it_is() -> None:
    health = Health()
    assert judge(health, Window(1_000, failed=499), NOW) is health


@pytest.mark.parametrize("window", [Window(20, failed=10), Window(40, failed=10, slow=10), Window(20, slow=20)])
def test_trouble_in_half_of_enough_calls_shuts_it(window: Window) -> None:
    after = judge(Health(), window, NOW)
    assert (after.state, after.since, after.pause) == (H.SHUT, NOW, FIRST_PAUSE)
    assert str(window.calls) in after.reason


def test_a_few_failures_say_nothing() -> None:
    assert judge(Health(), Window(19, failed=19), NOW).state is H.HEALTHY


def test_a_shut_connector_gets_nothing_until_its_pause_is_over() -> None:
    health = Health(H.SHUT, NOW)
    early, late = NOW + FIRST_PAUSE - timedelta(seconds=1), NOW + FIRST_PAUSE
    assert judge(health, Window(), early) is health
    assert share_of(health, early) == 0.0
    assert judge(health, Window(), late).state is H.RECOVERING


def test_it_comes_back_step_by_step_and_is_healthy_after_the_last() -> None:
    health = Health(H.RECOVERING, NOW)
    assert [share_of(health, NOW + STEP * step) for step in range(4)] == [*SHARES, SHARES[-1]]
    assert judge(health, Window(100), NOW + STEP * len(SHARES)).state is H.HEALTHY


def test_trouble_while_it_comes_back_shuts_it_for_twice_as_long() -> None:
    health = Health(H.RECOVERING, NOW, timedelta(minutes=2))
    assert judge(health, Window(4, failed=4), NOW) is health
    after = judge(health, Window(5, failed=3), NOW)
    assert (after.state, after.pause) == (H.SHUT, timedelta(minutes=4))


@given(st.integers(0, 20))
def test_no_pause_is_longer_than_the_longest(times: int) -> None:
    health = Health()
    for _ in range(times):
        health = shut(health, NOW, "why")
        health = judge(health, Window(), NOW + health.pause)
        assert health.state is H.RECOVERING
        assert health.pause <= LONGEST_PAUSE


def test_a_healthy_connector_has_its_whole_weight() -> None:
    assert share_of(Health(), NOW) == 1.0
