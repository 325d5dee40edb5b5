"""Which batch of a run comes next: fresh key ranges in order, then what an earlier try left over."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from heliograph.domain.campaigns import batch_size

_MOST_LEFT_OVER = 64
"""Ranges left over beyond this, and no fresh one is begun: something hinders sending, and state must stay small."""


class BatchRange(BaseModel):
    """A key range of one wave: recipients `first` to `last`, both included, not before `due_at`."""

    model_config = ConfigDict(frozen=True)

    wave: int
    first: int
    last: int
    due_at: datetime | None = None


class BatchQueue:
    """The recipients of one wave, cut into ranges as they are asked for."""

    def __init__(self, *, wave: int, first: int, last: int, left_over: Sequence[BatchRange] = ()) -> None:
        self._wave = wave
        self._next = first
        self._last = last
        self._left_over = list(left_over)

    @property
    def next_number(self) -> int:
        """The first recipient that no batch has covered yet."""
        return self._next

    @property
    def left_over(self) -> tuple[BatchRange, ...]:
        """Ranges that still hold queued messages."""
        return tuple(self._left_over)

    @property
    def empty(self) -> bool:
        """Whether every range was handed out and nothing was left over."""
        return self._next > self._last and not self._left_over

    def put_back(self, batch: BatchRange) -> None:
        """A range is not finished; it comes again when it is due."""
        self._left_over.append(batch)

    def take(self, now: datetime, messages_per_second: float | None) -> BatchRange | None:
        """A range that is due, or None: then `next_due` says when one is."""
        for index, batch in enumerate(self._left_over):
            if batch.due_at is None or batch.due_at <= now:
                return self._left_over.pop(index)
        if self._next > self._last or len(self._left_over) >= _MOST_LEFT_OVER:
            return None
        first = self._next
        self._next = min(self._last + 1, first + batch_size(messages_per_second))
        return BatchRange(wave=self._wave, first=first, last=self._next - 1)

    def next_due(self) -> datetime | None:
        """When the first range left over is due."""
        return min((batch.due_at for batch in self._left_over if batch.due_at is not None), default=None)
