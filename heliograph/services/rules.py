"""Rules that several nouns share."""

import math

from heliograph.errors import InvalidInput

LONGEST_NAME = 200
FASTEST = 100_000.0
"""Messages a second; more is surely a mistake."""


def checked_name(name: str, *, field: str = "name") -> str:
    """The name without surrounding space; `InvalidInput` when it is empty, too long or unprintable."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput.of(field, f"has 1 to {LONGEST_NAME} printable characters", "name")
    return name


def checked_rate(rate: float | None, *, field: str = "messages_per_second") -> float | None:
    """A speed limit in messages a second, or None for no limit; `InvalidInput` when it is out of range."""
    if rate is not None and not (math.isfinite(rate) and 0 < rate <= FASTEST):
        raise InvalidInput.of(field, f"is greater than 0 and at most {FASTEST:.0f}, or null for no limit", "rate")
    return rate
