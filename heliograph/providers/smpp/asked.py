"""Requests on their way to the SMSC, and the two ways in which they can come to nothing."""

import asyncio

from heliograph.providers.smpp.pdu import Pdu


class NotWritten(Exception):
    """Nothing was written; `code` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Unanswered(Exception):
    """The request was written, and no answer came."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Asked:
    """A request on its way."""

    __slots__ = ("answered", "message", "valid_until", "written")

    def __init__(self, message: bytes, valid_until: float, answered: asyncio.Future[Pdu]) -> None:
        self.message = message
        self.valid_until = valid_until
        self.answered = answered
        self.written = False

    def goes_out(self, now: float) -> bool:
        """Whether it is to be written now: somebody waits for the answer, and the lease holds."""
        if self.answered.done():
            return False
        self.written = now < self.valid_until
        if not self.written:
            self.answered.set_exception(expired())
        return self.written

    def expire(self) -> None:
        """No answer in time; or no write, while the socket took nothing."""
        if not self.answered.done():
            late = Unanswered("timeout", "The SMSC did not answer in time")
            self.answered.set_exception(late if self.written else expired())

    def lose(self) -> None:
        """The connection is gone."""
        if not self.answered.done():
            lost = Unanswered("connection_lost", "The connection closed before the SMSC answered")
            self.answered.set_exception(lost if self.written else lost_before_writing())


def lost_before_writing() -> NotWritten:
    """The connection went before the request."""
    return NotWritten("connection_lost", "The connection to the SMSC closed before the message was written")


def expired() -> NotWritten:
    """The lease went before the request."""
    return NotWritten("lease_expired", "The claim of the message ran out before it was written")
