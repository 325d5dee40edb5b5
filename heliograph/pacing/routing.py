"""Which way a chunk of messages goes: by priority, weight and health."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from heliograph.db.routes import Way
from heliograph.domain.health import share_of

_TOO_LONG_TO_WAIT: Final = 2.0
"""Seconds. A connector whose provider asks for a longer pause is passed over while another can send."""


def choose(ways: Sequence[Way], *, besides: UUID | None = None) -> Way | None:
    """A way of the best priority that can send, drawn by weight and health; None where there is none at all.

    `besides` names a connector that has just refused. When no connector is fit, the first way is answered all the
    same, unless it is that one: a shut connector is better than none, and its calls say when it works again.
    """
    now = datetime.now(UTC)
    wanted = [way for way in ways if way.connector_id != besides]
    for priority in sorted({way.priority for way in wanted}):
        fit = [(way, _weight(way, now)) for way in wanted if way.priority == priority]
        weights = [weight for _, weight in fit]
        if sum(weights) > 0:
            return random.choices([way for way, _ in fit], weights)[0]
    return wanted[0] if wanted else None


def can_send(way: Way) -> bool:
    """Whether the way's connector gets messages now."""
    return _weight(way, datetime.now(UTC)) > 0


def _weight(way: Way, now: datetime) -> float:
    if way.blocked_seconds > _TOO_LONG_TO_WAIT:
        return 0.0
    return way.weight * share_of(way.health, now)
