"""Sessions kept for the next message: so many at a time, so many messages each, closed when nobody wants them."""

import asyncio
from collections.abc import Awaitable, Callable

from heliograph.providers.smtp.opening import CannotOpen
from heliograph.providers.smtp.replies import not_processed
from heliograph.providers.smtp.session import Session


class Pool:
    """Of one relay and account. Every session taken must be given back."""

    def __init__(
        self, open_session: Callable[[], Awaitable[Session]], *, size: int, messages: int, idle_seconds: float
    ) -> None:
        self._open_session = open_session
        self._places = asyncio.Semaphore(size)
        self._messages = messages
        self._idle_seconds = idle_seconds
        self._idle: dict[Session, asyncio.TimerHandle] = {}  # the one used last stands last
        self._busy: set[Session] = set()
        self._closed = False

    async def take(self, *, fresh: bool = False) -> Session:
        """A session that nobody else uses, `fresh` or the one used last; `CannotOpen` when there is none to be had."""
        await self._places.acquire()
        try:
            session = None if fresh else self._reusable()
            if session is None and not self._closed:
                session = await self._open_session()
        except BaseException:
            self._places.release()
            raise
        if session is None or self._closed:
            self._places.release()
            if session is not None:
                session.close()
            raise CannotOpen(not_processed("connection_lost", "The connection to the relay is closed"))
        self._busy.add(session)
        return session

    def give_back(self, session: Session) -> None:
        """Keeps it, unless it is worn out."""
        self._busy.discard(session)
        self._places.release()
        if self._closed or not session.is_usable or session.taken >= self._messages:
            session.close()
            return
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, session)
        self._idle[session] = timer

    def close(self) -> None:
        """Closes every session, those in use too; later ones are refused."""
        self._closed = True
        for timer in self._idle.values():
            timer.cancel()
        for session in (*self._idle, *self._busy):
            session.close()
        self._idle.clear()

    def _reusable(self) -> Session | None:
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            if session.is_usable:
                return session
            session.close()
        return None

    def _retire(self, session: Session) -> None:
        del self._idle[session]
        session.close()
