"""Plans the status callbacks of accepted messages, and words and signs each when it is due, as Twilio does."""

import asyncio
import hmac
import random
import time
from base64 import b64encode
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final
from urllib.parse import quote_plus

from heliograph.simulator.delivery import Callback, CallbackClient
from heliograph.simulator.fate import Fate
from heliograph.simulator.messages import AcceptedMessage, Messages
from heliograph.simulator.script import Receipts
from heliograph.simulator.statuses import CANCELED, DELIVERED, FAILED, NAMES, QUEUED, SENT, UNDELIVERED

_TICK_SECONDS: Final = 0.002  # callbacks due within one tick go out together
_WITH_ERROR_CODE: Final = frozenset({UNDELIVERED, FAILED})
_WITH_DONE_DATE: Final = frozenset({DELIVERED, UNDELIVERED})

Planned = tuple[float, int, int, int, str]  # due (monotonic), order, place of the message, status, address


class ReceiptSchedule:
    """What is to be told, by when it is due; hands it to the client then."""

    def __init__(self, messages: Messages, client: CallbackClient, token_of: Callable[[str], str]) -> None:
        self._messages = messages
        self._client = client
        self._token_of = token_of
        self._loop = asyncio.get_running_loop()
        self._planned: list[Planned] = []
        self._order = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = float("inf")
        self._cancelled: set[int] = set()

    def plan(self, place: int, message: AcceptedMessage, fate: Fate, receipts: Receipts, url: str) -> None:
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
            heappush(self._planned, (now + due + fate.late, self._order, place, status, url))
        self._arm()

    def cancel(self, place: int) -> None:
        """Twilio tells `canceled` in place of what was planned."""
        url = next((planned[4] for planned in self._planned if planned[2] == place), None)
        self._cancelled.add(place)
        if url is not None:
            self._order += 1
            heappush(self._planned, (self._loop.time(), self._order, place, CANCELED, url))
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
            _, _, place, status, url = heappop(self._planned)
            if place not in self._cancelled or status == CANCELED:
                self._client.post(self._word(place, status, url))
        self._arm()

    def _word(self, place: int, status: int, url: str) -> Callback:
        message = self._messages.at(place)
        parameters = _parameters(message, status)
        signed = url + "".join([name + value for name, value in parameters])
        key = self._token_of(message.account_sid).encode()
        signature = b64encode(hmac.digest(key, signed.encode(), "sha1"))
        body = "&".join([f"{name}={value if value.isalnum() else quote_plus(value)}" for name, value in parameters])
        return Callback(url, body.encode(), signature)


def _parameters(message: AcceptedMessage, status: int) -> list[tuple[str, str]]:
    """Twilio's parameters, sorted by name, as the signature wants them."""
    name = NAMES[status]
    sid = message.sid
    parameters = [("AccountSid", message.account_sid), ("ApiVersion", "2010-04-01")]
    if status in _WITH_ERROR_CODE and message.error_code:
        parameters.append(("ErrorCode", str(message.error_code)))
    parameters += [("From", message.sender), ("MessageSid", sid), ("MessageStatus", name)]
    if message.messaging_service_sid:
        parameters.append(("MessagingServiceSid", message.messaging_service_sid))
    if status in _WITH_DONE_DATE:
        parameters.append(("RawDlrDoneDate", time.strftime("%y%m%d%H%M", time.gmtime(message.final_at))))
    parameters += [("SmsSid", sid), ("SmsStatus", name), ("To", message.to)]
    return parameters
