"""Routee's statuses, and what they and their reasons mean to us.

Source: https://docs.routee.net/docs/statuses-callbacks and https://docs.routee.net/reference/smstrackingsingle.
"""

from typing import Final, NamedTuple

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import ProviderError

STATES: Final = {
    "queued": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "unsent": MessageState.FAILED,
}
"""Routee's status, in lower case → ours."""

UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})
_LONGEST_CODE: Final = 60


class _Meaning(NamedTuple):
    error_class: ErrorClass
    text: str


_REASONS: Final = {
    "undelivered on handset": _Meaning(ErrorClass.DELIVERY, "The handset could not take the message for now"),
    "unknown number": _Meaning(ErrorClass.RECIPIENT, "The number does not exist"),
    "roaming": _Meaning(ErrorClass.DELIVERY, "The handset is roaming"),
    "call barred": _Meaning(ErrorClass.DELIVERY, "The number is barred from getting messages"),
    "unknown status": _Meaning(ErrorClass.DELIVERY, "The operator gave no reason"),
    "carrier violation": _Meaning(ErrorClass.CONTENT, "The operator does not let this text or sender pass"),
    "expired": _Meaning(ErrorClass.DELIVERY, "The validity of the message ended before it could be delivered"),
    "dnd error code": _Meaning(ErrorClass.DELIVERY, "The number is on India's do-not-disturb register"),
}
"""Routee's `detailedStatus`, in lower case."""
_NO_BALANCE: Final = _Meaning(ErrorClass.ACCOUNT, "The account had not enough balance for the message")


def delivery_error(status: str, detailed: str) -> ProviderError:
    """Why a message was not delivered; `detailed` is empty where Routee gives no reason."""
    if status.lower() == "unsent":
        return ProviderError(_NO_BALANCE.error_class, "Unsent", _NO_BALANCE.text)
    meaning = _REASONS.get(detailed.lower())
    code = (detailed or status)[:_LONGEST_CODE]
    if meaning is None:
        return ProviderError(ErrorClass.DELIVERY, code, f"Routee reports: {code}")
    return ProviderError(meaning.error_class, code, meaning.text)
