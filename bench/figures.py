"""What every bench answers: our figure, the limit measured beside it, and the ratio of the two."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

ROUNDS = 3

Report = Callable[[str], None]
"""Told what a bench is doing; benches take minutes."""


class Skipped(Exception):
    """A bench cannot run here; the text says what to install."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the caller may choose; None: the size of design §13."""

    recipients: int | None = None
    rounds: int = ROUNDS
    report: Report = lambda _: None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One bench's answer; `ratio` is `ours / limit`."""

    name: str
    ours: float
    limit: float
    unit: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Ours as a share of the limit."""
        return self.ours / self.limit

    def line(self) -> dict[str, Any]:
        """The JSON line: the five fields of every bench, then its own."""
        return {
            "name": self.name,
            "ours": round(self.ours, 2),
            "limit": round(self.limit, 2),
            "unit": self.unit,
            "ratio": round(self.ratio, 3),
            **self.details,
        }


@dataclass(frozen=True, slots=True)
class Reach:
    """The ratio to reach: at least so much, or at most."""

    bound: float
    at_most: bool = False

    def reached(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return ratio <= self.bound if self.at_most else ratio >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True)
class Turns:
    """Figures of ours and of the limit, taken in turn."""

    ours: Sequence[float]
    limits: Sequence[float]

    def figures(self, name: str, unit: str, **details: Any) -> Figures:
        """The medians, with every round beside them."""
        rounds = [[round(mine, 2), round(limit, 2)] for mine, limit in zip(self.ours, self.limits, strict=True)]
        return Figures(
            name=name,
            ours=median(self.ours),
            limit=median(self.limits),
            unit=unit,
            details={**details, "rounds": rounds},
        )


async def in_turn(
    ours: Callable[[], Awaitable[float]],
    limit: Callable[[], Awaitable[float]],
    options: Options,
) -> Turns:
    """Measures limit and ours in turn, as often as asked: what disturbs the machine for a while disturbs both."""
    mine: list[float] = []
    limits: list[float] = []
    for number in range(1, options.rounds + 1):
        limits.append(await limit())
        mine.append(await ours())
        options.report(f"round {number} of {options.rounds}: ours {mine[-1]:,.1f}, limit {limits[-1]:,.1f}")
    return Turns(mine, limits)
