"""One session with an SMSC: writes requests under their leases, matches answers, asks whether it is still there.

smpp34's own client is not used: it answers deliver_sm before we have kept what it says, and does not tell what it has
written (docs/adr/0006). Its codec is.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from heliograph.providers.smpp.asked import Asked, NotWritten, Unanswered, expired, lost_before_writing
from heliograph.providers.smpp.pdu import (
    ALERT_NOTIFICATION,
    ANSWER,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    UNBIND,
    Frames,
    Garbled,
    Pdu,
    frame,
    numbered,
)
from heliograph.providers.smpp.statuses import UNKNOWN_COMMAND
from heliograph.providers.smpp.window import LeaseOver, Window

_log = logging.getLogger(__name__)

_LAST_SEQUENCE: Final = 0x7FFFFFFF
_TOGETHER: Final = 8
"""Messages in one write. Fewer cost more system calls; with a whole window in one, each side waits for the other."""
_UNBIND_SECONDS: Final = 1.0
_POLITE_SECONDS: Final = 5.0  # for an answer to enquire_link, where the limit for answers is longer


class Session(asyncio.Protocol):
    """A connection, bound or about to be. `deliver` is called with each deliver_sm, and answers it when it can."""

    def __init__(
        self,
        deliver: Callable[["Session", Pdu], None],
        *,
        window: int,
        timeout: float,
        enquire_link_seconds: float,
    ) -> None:
        self._deliver = deliver
        self._timeout = timeout
        self._silence = enquire_link_seconds
        self._loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._sequence = 0
        self._asked: dict[int, Asked] = {}
        self._unwritten: list[Asked] = []
        self._may_write = True
        self._flushing = False
        self._heard_at = self._loop.time()
        self._enquiring: asyncio.Task[None] | None = None
        self._ending = False
        self._window = Window(window)
        self.in_flight = 0
        self.used_at = self._loop.time()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def usable(self) -> bool:
        """Whether requests can be written."""
        return not self._ending and not self.closed.done()

    async def submit(self, message: bytes, valid_until: float) -> Pdu:
        """The answer to an encoded message, within the window. `NotWritten`, `Unanswered`.

        Nothing is written after `valid_until` (`time.monotonic()`), and nothing while the socket takes no more: what
        waits in a buffer would be written later than the check.
        """
        self.in_flight += 1
        self.used_at = self._loop.time()
        try:
            await self._window.enter(valid_until)
            try:
                return await self._ask(message, valid_until)
            finally:
                self._window.leave()
        except LeaseOver as error:
            raise expired() from error
        finally:
            self.in_flight -= 1

    async def request(self, command_id: int, body: bytes = b"", *, seconds: float | None = None) -> Pdu:
        """The answer to a request without a lease. `NotWritten`, `Unanswered`."""
        return await self._ask(frame(command_id, 0, body), float("inf"), seconds=seconds)

    def answer(self, request: Pdu, status: int) -> None:
        """Answers a request of the SMSC, if the session still lives. deliver_sm_resp has an empty message_id."""
        if not self.closed.done():
            body = b"\0" if request.command_id == DELIVER_SM else b""
            self._transport.write(frame(request.command_id | ANSWER, request.sequence, body, status))

    async def unbind(self) -> None:
        """Takes leave, and closes."""
        self._ending = True
        try:
            await self.request(UNBIND, seconds=min(_UNBIND_SECONDS, self._timeout))
        except (NotWritten, Unanswered):
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Closes at once; requests under way stay unanswered."""
        self._ending = True
        self._transport.abort()

    # -- asking
    async def _ask(self, message: bytes, valid_until: float, *, seconds: float | None = None) -> Pdu:
        """Puts the request into the next write, and waits for its answer."""
        if self.closed.done() or self._transport.is_closing():
            raise lost_before_writing()
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        asked = Asked(numbered(message, self._sequence), valid_until, self._loop.create_future())
        self._asked[self._sequence] = asked
        self._unwritten.append(asked)
        patience = seconds or self._timeout
        if not self._may_write:
            patience = min(patience, max(0.0, valid_until - time.monotonic()))
        elif len(self._unwritten) < _TOGETHER:
            self._flush_soon()
        else:
            self._flush()
        sequence, timer = self._sequence, self._loop.call_later(patience, asked.expire)
        try:
            return await asked.answered
        finally:
            timer.cancel()
            del self._asked[sequence]

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Writes what was asked for in this turn of the loop with few system calls.

        Leases are checked here, immediately before it: the limits of the transport make it write at once, and while it
        could not, nothing more is given to it.
        """
        self._flushing = False
        if not self._may_write or self.closed.done():
            return
        unwritten, self._unwritten = self._unwritten, []
        if self._transport.is_closing():
            for asked in unwritten:
                asked.lose()
            return
        now = time.monotonic()
        octets = [asked.message for asked in unwritten if asked.goes_out(now)]
        if octets:
            self._transport.write(b"".join(octets))

    # -- asyncio
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport; whatever it cannot write at once makes us wait."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's is one without saying so
        self._transport.set_write_buffer_limits(high=0)
        self._enquiring = self._loop.create_task(self._enquire())

    def pause_writing(self) -> None:
        """The socket is full."""
        self._may_write = False

    def resume_writing(self) -> None:
        """It takes more."""
        self._may_write = True
        self._flush_soon()

    def data_received(self, data: bytes) -> None:
        """Hands each PDU to whom it concerns."""
        self._heard_at = self._loop.time()
        try:
            for pdu in self._frames.feed(data):
                self._take(pdu)
        except Garbled as error:
            _log.warning("the SMSC is not understood, the connection is closed: %s", error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """What waits for an answer gets none."""
        if self._enquiring is not None:
            self._enquiring.cancel()
        for asked in self._asked.values():
            asked.lose()
        if not self.closed.done():
            self.closed.set_result(None)

    def _take(self, pdu: Pdu) -> None:
        if pdu.command_id & ANSWER:
            asked = self._asked.get(pdu.sequence)
            if asked is not None and not asked.answered.done():
                asked.answered.set_result(pdu)
        elif pdu.command_id == DELIVER_SM:
            self._deliver(self, pdu)
        elif pdu.command_id == ENQUIRE_LINK:
            self.answer(pdu, 0)
        elif pdu.command_id == UNBIND:
            self._ending = True
            self.answer(pdu, 0)
            self._transport.close()
        elif pdu.command_id != ALERT_NOTIFICATION:  # the one request without an answer
            self._transport.write(frame(GENERIC_NACK, pdu.sequence, status=UNKNOWN_COMMAND))

    async def _enquire(self) -> None:
        """Asks in silence whether the SMSC is still there; a session without an answer is dead."""
        while True:
            rest = self._heard_at + self._silence - self._loop.time()
            if rest > 0:
                await asyncio.sleep(rest)
                continue
            try:
                await self.request(ENQUIRE_LINK, seconds=min(self._timeout, _POLITE_SECONDS))
            except (NotWritten, Unanswered):
                _log.warning("the SMSC does not answer to enquire_link: the connection is closed")
                self.abort()
                return
