"""The states of a message and the edges between them (design §3). Nothing else is allowed.

The tests hold the documentation against this table, and have PostgreSQL refuse what it does not allow.
"""

from enum import StrEnum
from typing import Final


class MessageState(StrEnum):
    """Where a message is. Exactly one at any instant."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    IN_DOUBT = "in_doubt"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    CAPPED = "capped"
    CONTROL = "control"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


S = MessageState

EXCLUDED: Final = frozenset(
    {S.INVALID, S.SUPPRESSED, S.NO_CONSENT, S.CAPPED, S.CONTROL, S.DUPLICATE, S.EXPIRED, S.CANCELLED}
)
"""Never sent, final, with a reason."""

RECEIPT_RANK: Final = {S.ACCEPTED: 1, S.SENT: 2, S.UNDELIVERED: 3, S.FAILED: 4, S.DELIVERED: 5}
"""A receipt of a higher rank always wins, so that the order of arrival cannot matter."""

RECEIPT_STATES: Final = frozenset(RECEIPT_RANK)

FINAL: Final = EXCLUDED | {S.REJECTED, S.DELIVERED, S.UNDELIVERED, S.FAILED, S.UNCONFIRMED, S.UNKNOWN}
"""Nothing more is awaited. A late receipt may still move `unconfirmed`, `unknown` and the receipt states up."""

AWAITING_RECEIPT: Final = frozenset({S.ACCEPTED, S.SENT})
OPEN: Final = frozenset(S) - FINAL
TAKEN: Final = RECEIPT_STATES | {S.UNCONFIRMED}
"""A provider has said that it took the message."""

EDGES: Final[dict[MessageState | None, frozenset[MessageState]]] = {
    None: EXCLUDED | {S.QUEUED},
    S.QUEUED: EXCLUDED | {S.CLAIMED},
    S.CLAIMED: frozenset({S.QUEUED, S.ACCEPTED, S.REJECTED, S.IN_DOUBT}),
    S.IN_DOUBT: frozenset({S.ACCEPTED, S.REJECTED, S.QUEUED, S.UNKNOWN}),
    S.ACCEPTED: frozenset({S.SENT, S.UNDELIVERED, S.FAILED, S.DELIVERED, S.UNCONFIRMED}),
    S.SENT: frozenset({S.UNDELIVERED, S.FAILED, S.DELIVERED, S.UNCONFIRMED}),
    S.UNDELIVERED: frozenset({S.FAILED, S.DELIVERED}),
    S.FAILED: frozenset({S.DELIVERED}),
    S.DELIVERED: frozenset(),
    S.REJECTED: frozenset(),
    S.UNCONFIRMED: RECEIPT_STATES,
    S.UNKNOWN: RECEIPT_STATES,
    **dict.fromkeys(EXCLUDED, frozenset()),
}
"""From (None: not yet frozen) → to."""


def fold_receipt(current: MessageState, reported: MessageState) -> MessageState:
    """The state after a receipt whose reference names the message's current attempt.

    A receipt proves that the provider accepted the message: from `claimed` and `in_doubt` it walks through
    `accepted`, and from `queued` through `claimed` too, since a message that waits for a further try must not be sent
    again. Between receipt states the higher rank wins; every other state stays as it is.
    """
    if current in {S.QUEUED, S.CLAIMED, S.IN_DOUBT, S.UNCONFIRMED, S.UNKNOWN}:
        return reported
    if current in RECEIPT_RANK and RECEIPT_RANK[reported] > RECEIPT_RANK[current]:
        return reported
    return current
