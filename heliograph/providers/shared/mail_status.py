"""Enhanced status codes of mail (RFC 3463), as relays and bounces use them: "5.1.1" says whom a refusal is about."""

import re
from typing import Final

from heliograph.domain.vocabulary import ErrorClass

Status = tuple[int, int, int]
"""Class (2 success, 4 passing, 5 permanent), subject, detail."""

_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_OF_A_BOUNCE: Final = frozenset({ErrorClass.RECIPIENT, ErrorClass.SENDER, ErrorClass.CONTENT})
_BY_SUBJECT_AND_DETAIL: Final = {
    (1, 7): ErrorClass.SENDER,  # bad syntax of the sender's mailbox
    (1, 8): ErrorClass.SENDER,  # bad sender's system
    (2, 1): ErrorClass.RECIPIENT,  # mailbox disabled
    (2, 3): ErrorClass.CONTENT,  # longer than the mailbox allows
    (3, 4): ErrorClass.CONTENT,  # too big for the system
    (4, 4): ErrorClass.RECIPIENT,  # unable to route: the domain takes no mail
    (4, 5): ErrorClass.ACCOUNT,  # congestion: the code of large relays for an account's daily limit
    (6, 7): ErrorClass.OTHER,  # a server on the way does not take non-ASCII addresses
    (7, 8): ErrorClass.AUTH,  # credentials invalid
    (7, 9): ErrorClass.AUTH,  # mechanism too weak
    (7, 11): ErrorClass.AUTH,  # encryption required for the mechanism
    (7, 13): ErrorClass.ACCOUNT,  # account disabled
    (7, 14): ErrorClass.ACCOUNT,  # trust relationship required
    (7, 20): ErrorClass.SENDER,  # no passing DKIM signature
    (7, 21): ErrorClass.SENDER,
    (7, 22): ErrorClass.SENDER,
    (7, 23): ErrorClass.SENDER,  # SPF
    (7, 24): ErrorClass.SENDER,
    (7, 25): ErrorClass.SENDER,  # reverse DNS
    (7, 26): ErrorClass.SENDER,  # DMARC and the like
    (7, 27): ErrorClass.SENDER,  # the sender's domain takes no mail
}
"""Details that mean something else than their subject. Source: the IANA registry of enhanced status codes."""
_BY_SUBJECT: Final = {
    1: ErrorClass.RECIPIENT,  # addressing
    2: ErrorClass.DELIVERY,  # the mailbox: full, for instance
    3: ErrorClass.OTHER,  # mail system
    4: ErrorClass.DELIVERY,  # network and routing
    5: ErrorClass.OTHER,  # protocol
    6: ErrorClass.CONTENT,  # media
}


def find_status(text: str) -> Status | None:
    """The first enhanced status code in a text."""
    found = _STATUS.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def class_of_status(subject: int, detail: int) -> ErrorClass | None:
    """What a permanent status means; None where that depends on what it was said to."""
    return _BY_SUBJECT_AND_DETAIL.get((subject, detail)) or _BY_SUBJECT.get(subject)


def class_of_bounce(status: Status | None) -> ErrorClass:
    """What a mail that came back means: RECIPIENT where the address is dead, which suppresses it.

    4.x.x is about the time that delivering took, whatever it says of the address.
    """
    known = class_of_status(status[1], status[2]) if status is not None and status[0] == 5 else None
    return known if known in _OF_A_BOUNCE else ErrorClass.DELIVERY
