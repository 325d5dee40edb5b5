"""From what a relay replied to what became of the message. The table is in docs/providers/smtp.md.

A reply has a code of three digits (RFC 5321) and mostly an enhanced status code (RFC 3463): "550 5.1.1 No such user".
The enhanced one says whom the refusal is about, so that decides wherever it is there.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import InDoubt, NotProcessed, Outcome, ProviderError, Refused
from heliograph.providers.shared.mail_status import class_of_status


class Step(Enum):
    """What the relay was replying to."""

    GREETING = "the greeting"
    HELLO = "EHLO"
    AUTH = "AUTH"
    RESET = "RSET"
    MAIL = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"
    END = "the end of the text"


_ENHANCED: Final = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS: Final = re.compile(r"<?[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+>?")
_LONGEST_TEXT: Final = 200
_CLOSING: Final = 421
"""By which a server closes the connection: it is overloaded, stopping, or has had enough of us."""

_SECURITY_BY_STEP: Final = {
    Step.AUTH: ErrorClass.AUTH,
    Step.MAIL: ErrorClass.SENDER,
    Step.RECIPIENT: ErrorClass.OTHER,  # refused by a policy: the recipient's, the relay's about us, who knows
    Step.DATA: ErrorClass.CONTENT,
    Step.END: ErrorClass.CONTENT,
}
_BY_CODE: Final = {530: ErrorClass.AUTH, 534: ErrorClass.AUTH, 535: ErrorClass.AUTH, 538: ErrorClass.AUTH}
_BY_CODE_AND_STEP: Final = {
    (552, Step.MAIL): ErrorClass.CONTENT,  # larger than the relay takes
    (552, Step.END): ErrorClass.CONTENT,
    (501, Step.RECIPIENT): ErrorClass.RECIPIENT,  # the address is no address
    (551, Step.RECIPIENT): ErrorClass.RECIPIENT,  # has moved
    (553, Step.RECIPIENT): ErrorClass.RECIPIENT,  # the mailbox's name is not allowed
    (556, Step.RECIPIENT): ErrorClass.RECIPIENT,  # the domain takes no mail (RFC 7504)
    (550, Step.RECIPIENT): ErrorClass.DELIVERY,  # no such mailbox, or a policy: the code alone does not say
    (552, Step.RECIPIENT): ErrorClass.DELIVERY,  # the mailbox is full
    (554, Step.END): ErrorClass.CONTENT,
    (550, Step.END): ErrorClass.CONTENT,
}
_BY_STEP: Final = {
    Step.GREETING: ErrorClass.ACCOUNT,  # the relay wants nothing from us
    Step.HELLO: ErrorClass.ACCOUNT,
    Step.AUTH: ErrorClass.AUTH,
    Step.MAIL: ErrorClass.SENDER,
}
_OF_THE_ACCOUNT: Final = frozenset({ErrorClass.AUTH, ErrorClass.ACCOUNT})


@dataclass(frozen=True, slots=True)
class Reply:
    """A relay's reply to a step."""

    step: Step
    code: int
    text: str

    @property
    def enhanced(self) -> tuple[int, int, int] | None:
        """Class, subject and detail, where the text begins with them."""
        found = _ENHANCED.match(self.text)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None

    @property
    def name(self) -> str:
        """`5.1.1`, or `550` where there is no enhanced code."""
        enhanced = self.enhanced
        return ".".join(map(str, enhanced)) if enhanced else str(self.code)


def outcome_of_reply(reply: Reply, *, retry_seconds: float) -> Outcome:
    """The outcome of a reply that is no success."""
    error = ProviderError(_error_class(reply), reply.name, words(reply.text) or f"{reply.code} to {reply.step.value}")
    if reply.code == _CLOSING:
        return NotProcessed(ProviderError(ErrorClass.RATE_LIMITED, reply.name, error.message))
    if 400 <= reply.code < 500:
        about_us = reply.step in {Step.GREETING, Step.HELLO, Step.AUTH}
        passing = ProviderError(ErrorClass.NOT_PROCESSED, reply.name, error.message)
        return NotProcessed(passing, None if about_us else retry_seconds)
    if 500 <= reply.code < 600:
        return NotProcessed(error) if error.error_class in _OF_THE_ACCOUNT else Refused(error)
    if reply.step is Step.END:
        return unknown_outcome("unreadable_reply", "The relay's reply to the end of the text cannot be read")
    return not_processed("unreadable_reply", f"The relay's reply to {reply.step.value} cannot be read")


def _error_class(reply: Reply) -> ErrorClass:
    if reply.step in {Step.GREETING, Step.HELLO}:
        return ErrorClass.ACCOUNT
    if reply.code in _BY_CODE:
        return _BY_CODE[reply.code]
    enhanced = reply.enhanced
    if enhanced is not None and enhanced[1:] != (0, 0):
        return class_of_status(enhanced[1], enhanced[2]) or _SECURITY_BY_STEP.get(reply.step, ErrorClass.OTHER)
    by_step = _BY_STEP.get(reply.step, ErrorClass.OTHER)
    return _BY_CODE_AND_STEP.get((reply.code, reply.step), by_step)


def words(text: str) -> str:
    """A relay's text as it may be stored: one line, of bounded length, without addresses.

    Numbers stay: they are the relay's names of messages, by which its log is searched.
    """
    return _ADDRESS.sub("<address>", " ".join(text.split()))[:_LONGEST_TEXT]


def not_processed(code: str, text: str, error_class: ErrorClass = ErrorClass.NOT_PROCESSED) -> NotProcessed:
    """Known not to have been taken."""
    return NotProcessed(ProviderError(error_class, code, text))


def unknown_outcome(code: str, text: str) -> InDoubt:
    """May have been taken."""
    return InDoubt(ProviderError(ErrorClass.UNKNOWN_OUTCOME, code, text))
