"""A connector's health: when to keep messages away from it, and how it slowly comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

WINDOW: Final = timedelta(minutes=1)
"""How far back calls count."""
ENOUGH_CALLS: Final = 20
"""Fewer say nothing about a healthy connector."""
ENOUGH_TRIALS: Final = 5
"""While it comes back, fewer are enough to send it away again."""
TROUBLED_SHARE: Final = 0.5
"""Of calls that failed or were slow: from here on a connector is shut."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=10)
STEP: Final = timedelta(seconds=30)
SHARES: Final = (0.05, 0.25, 0.5)
"""Of its weight while it comes back, a step each; then all of it."""


class HealthState(StrEnum):
    """Whether a connector gets messages."""

    HEALTHY = "healthy"
    SHUT = "shut"  # none, while others can send
    RECOVERING = "recovering"  # a growing share


@dataclass(frozen=True, slots=True)
class Window:
    """Calls of the last minute. Refusals of a message by the provider are no failures: it works."""

    calls: int = 0
    failed: int = 0  # no readable answer, or an answer that the provider itself is in trouble
    slow: int = 0  # answered, but late

    @property
    def troubled_share(self) -> float:
        """Failed or slow calls, as a part of all."""
        return (self.failed + self.slow) / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """A connector's state since an instant; `pause` is how long it was or will be shut."""

    state: HealthState = HealthState.HEALTHY
    since: datetime | None = None
    pause: timedelta = FIRST_PAUSE
    reason: str = ""


def share_of(health: Health, now: datetime) -> float:
    """The part of its weight that a connector has now: 0 while it is shut."""
    if health.state is HealthState.HEALTHY or health.since is None:
        return 1.0
    if health.state is HealthState.SHUT:
        return 0.0
    step = int((now - health.since) / STEP)
    return SHARES[min(step, len(SHARES) - 1)]


def judge(health: Health, window: Window, now: datetime) -> Health:
    """The health after a look at the last minute; the same object where nothing changed.

    Shut: after its pause it recovers. Recovering: trouble shuts it again, twice as long; after the last step it is
    healthy. Healthy: trouble in enough calls shuts it.
    """
    if health.state is HealthState.SHUT:
        if health.since is not None and now < health.since + health.pause:
            return health
        return Health(HealthState.RECOVERING, now, health.pause, health.reason)
    enough = ENOUGH_CALLS if health.state is HealthState.HEALTHY else ENOUGH_TRIALS
    if window.calls >= enough and window.troubled_share >= TROUBLED_SHARE:
        return shut(health, now, _described(window))
    if health.state is HealthState.RECOVERING and health.since and now >= health.since + STEP * len(SHARES):
        return Health(HealthState.HEALTHY, now)
    return health


def shut(health: Health, now: datetime, reason: str) -> Health:
    """Shut at once: by trouble, or since the provider refuses the account."""
    if health.state is HealthState.SHUT:
        return health
    again = health.state is HealthState.RECOVERING
    pause = min(LONGEST_PAUSE, 2 * health.pause) if again else FIRST_PAUSE
    return Health(HealthState.SHUT, now, pause, reason)


def _described(window: Window) -> str:
    return f"{window.failed} of {window.calls} calls failed and {window.slow} were slow within a minute"
