"""Plans the status callbacks of accepted messages, and has each worded by its provider when it is due."""

import asyncio
import random
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Final

from heliograph.simulator.delivery import Callback, CallbackClient
from heliograph.simulator.fate import Fate
from heliograph.simulator.messages import AcceptedMessage, Messages
from heliograph.simulator.script import Receipts
from heliograph.simulator.statuses import CANCELED, QUEUED, SENT

_TICK_SECONDS: Final = 0.002  # callbacks due within one tick go out together

Worder = Callable[[AcceptedMessage, int, str], Sequence[Callback]]
"""Words a status (of `statuses`) of a message for an address: mostly one request, none where nothing is told."""

Planned = tuple[float, int, int, int, str, Worder]  # due (monotonic), order, place of the message, status, address


class ReceiptSchedule:
    """What is to be told, by when it is due; hands it to the client then."""

    def __init__(self, messages: Messages, client: CallbackClient) -> None:
        self._messages = messages
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._planned: list[Planned] = []
        self._order = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = float("inf")
        self._cancelled: set[int] = set()

    def plan(
        self, place: int, message: AcceptedMessage, fate: Fate, receipts: Receipts, url: str, word: Worder
    ) -> None:
        """Plans the callbacks of a message: queued, sent and the final status, as the script would have them told."""
        now = self._loop.time()
        statuses = [(QUEUED, fate.latency), (SENT, fate.latency + fate.sent_after)][0 if receipts.queued else 1 :]
        statuses.append((fate.final, fate.latency + fate.final_after))
        if receipts.copies > 1:
            statuses = [each for each in statuses for _ in range(receipts.copies)]
        if receipts.before_reply:
            statuses = [(status, 0.0) for status, _ in statuses]
        if receipts.shuffled:
            order = [status for status, _ in statuses]
            random.Random(message.to).shuffle(order)
            statuses = list(zip(order, (due for _, due in statuses), strict=True))
        for status, due in statuses:
            self._order += 1
            heappush(self._planned, (now + due + fate.late, self._order, place, status, url, word))
        self._arm()

    def cancel(self, place: int) -> None:
        """`canceled` is told in place of what was planned."""
        planned = next((planned for planned in self._planned if planned[2] == place), None)
        self._cancelled.add(place)
        if planned is not None:
            self._order += 1
            heappush(self._planned, (self._loop.time(), self._order, place, CANCELED, planned[4], planned[5]))
            self._arm()

    def clear(self) -> None:
        """Forgets what was planned."""
        self._planned.clear()
        self._cancelled.clear()

    def __len__(self) -> int:
        return len(self._planned)

    def _arm(self) -> None:
        """Sees to it that the timer rings when the first callback is due."""
        if not self._planned or self._planned[0][0] >= self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = max(self._planned[0][0], self._loop.time() + _TICK_SECONDS)
        self._timer = self._loop.call_at(self._timer_due, self._tick)

    def _tick(self) -> None:
        self._timer, self._timer_due = None, float("inf")
        now = self._loop.time()
        while self._planned and self._planned[0][0] <= now:
            _, _, place, status, url, word = heappop(self._planned)
            if place not in self._cancelled or status == CANCELED:
                for callback in word(self._messages.at(place), status, url):
                    self._client.post(callback)
        self._arm()
