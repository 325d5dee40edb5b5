"""Which way a chunk goes."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from heliograph.db.routes import Way
from heliograph.domain.health import Health, HealthState
from heliograph.pacing.routing import can_send, choose

SHUT = Health(HealthState.SHUT, datetime.now(UTC))


def way(*, priority: int = 1, weight: int = 1, health: Health | None = None, blocked: float = 0.0) -> Way:
    """A route through a connector of its own."""
    return Way(
        priority=priority,
        weight=weight,
        connector_id=uuid4(),
        provider="twilio",
        connector_speed=None,
        sender_id=uuid4(),
        sender_kind="long_code",
        sender_address="+14155550100",
        sender_speed=None,
        blocked_seconds=blocked,
        health=health or Health(),
    )


def test_the_lowest_priority_goes_first() -> None:
    first, second = way(priority=1), way(priority=2)
    assert {choose([second, first]) for _ in range(50)} == {first}


def test_weights_share_one_priority() -> None:
    heavy, light = way(weight=9), way(weight=1)
    drawn = Counter(choose([heavy, light]) for _ in range(2_000))
    assert 0.8 < drawn[heavy] / 2_000 < 0.97


def test_a_shut_connector_is_passed_over() -> None:
    first, second = way(health=SHUT), way(priority=2)
    assert choose([first, second]) is second
    assert not can_send(first)


def test_a_connector_whose_provider_asks_for_a_long_pause_is_passed_over() -> None:
    first, second = way(blocked=30.0), way(priority=2)
    assert choose([first, second]) is second
    assert choose([replace(first, blocked_seconds=1.0), second]) is not second


def test_where_none_is_fit_the_first_is_tried_all_the_same() -> None:
    first, second = way(health=SHUT), way(priority=2, health=SHUT)
    assert choose([first, second]) is first


def test_the_connector_that_has_just_refused_is_left_out() -> None:
    first, second = way(), way(priority=2)
    assert choose([first, second], besides=first.connector_id) is second
    assert choose([first], besides=first.connector_id) is None
    assert choose([]) is None


def test_a_connector_that_comes_back_gets_a_small_share() -> None:
    back = way(health=Health(HealthState.RECOVERING, datetime.now(UTC) - timedelta(seconds=1)))
    other = way()
    drawn = Counter(choose([back, other]) for _ in range(2_000))
    assert 0 < drawn[back] / 2_000 < 0.15
