"""What a supervisor tells while it works."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What happened to a part, or to the stack as a whole."""

    NOTE = "note"
    READY = "ready"
    SLOW = "slow"  # started, but not ready in its time
    CRASHED = "crashed"
    KEEPS_CRASHING = "keeps crashing"
    STOPPED = "stopped"
    KILLED = "killed"  # did not stop in its time


@dataclass(frozen=True, slots=True)
class Event:
    """One line for a person, and the last lines of the part's log where they explain it."""

    kind: EventKind
    part: str
    text: str
    log_lines: tuple[str, ...] = ()


Report = Callable[[Event], None]


def ignore(_: Event) -> None:
    """For who does not want to hear."""
