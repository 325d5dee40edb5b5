"""When a provider is asked about a message, and when nothing more is awaited.

A message is looked at again at certain ages since its acceptance: first after `first` seconds, then after twice that,
and so on, with pauses of at most `longest`, until its receipt window ends. So nothing has to be kept for each message
to know whether it is due: its age does.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from heliograph.domain.ledger import AWAITING_RECEIPT, MessageState


def ages(first: float, longest: float, window: float) -> tuple[float, ...]:
    """The ages, in seconds, at which a message is asked for; the last one is the end of its window.

    >>> ages(30, 120, 600)
    (30.0, 60.0, 120.0, 240.0, 360.0, 480.0, 600.0)
    """
    found: list[float] = []
    age = float(min(first, window))
    while age < window:
        found.append(age)
        age += min(longest, age)
    return (*found, float(window))


class Next(Enum):
    """What is to be done with a message that was looked at."""

    FORGET = auto()  # it has its final word
    GIVE_UP = auto()  # its window is over
    ASK = auto()  # the provider is to be asked now
    WAIT = auto()  # until its next age


@dataclass(frozen=True, slots=True)
class Look:
    """The verdict on a message. `again` is when to look next, from now."""

    next: Next
    again: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How messages of a connector are looked after."""

    ages: Sequence[float]  # of `ages`: seconds
    can_ask: bool  # the provider answers questions about a message

    @property
    def window(self) -> float:
        """The age at which nothing more is awaited."""
        return self.ages[-1]

    def look(self, state: MessageState, age: float) -> Look:
        """What to do with a message of this age (seconds since its acceptance) whose time to be looked at has come."""
        if state not in AWAITING_RECEIPT:
            return Look(Next.FORGET)
        if age >= self.window:
            return Look(Next.GIVE_UP)
        again = timedelta(seconds=self.ages[bisect_right(self.ages, max(age, 0.0))] - age)
        return Look(Next.ASK if self.can_ask and age >= self.ages[0] else Next.WAIT, again)
