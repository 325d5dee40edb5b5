"""Sinch's statuses and codes, and what they mean to us; docs/providers/sinch.md names the sources of each."""

from typing import Final, NamedTuple

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.providers.protocol import ProviderError

STATES: Final = {
    "queued": MessageState.ACCEPTED,
    "dispatched": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "aborted": MessageState.FAILED,
    "cancelled": MessageState.FAILED,
    "canceled": MessageState.FAILED,
    "rejected": MessageState.UNDELIVERED,
    "deleted": MessageState.UNDELIVERED,
    "failed": MessageState.UNDELIVERED,
    "expired": MessageState.UNDELIVERED,
    "unknown": MessageState.SENT,
}
"""Sinch's status, in lower case → ours. Aborted and cancelled messages never reached the network; `unknown` did, and
nothing more was heard of it."""

UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})


class _Meaning(NamedTuple):
    error_class: E
    text: str


REQUEST_CODES: Final = {
    "syntax_invalid_json": _Meaning(E.OTHER, "Sinch cannot read the request"),
    "syntax_invalid_parameter_format": _Meaning(E.RECIPIENT, "A field, as a rule the number, has not the right format"),
    "syntax_constraint_violation": _Meaning(E.CONTENT, "The message does not keep to the limits of Sinch's interface"),
    "unknown_campaign": _Meaning(E.SENDER, "The campaign does not match the sender"),
    "unknown_group": _Meaning(E.OTHER, "The group is not known"),
    "missing_callback_url": _Meaning(E.OTHER, "Sinch has no address for callbacks: see HELIOGRAPH_PUBLIC_URL"),
}
"""Codes in the answer to a request."""

OF_THE_BATCH: Final = frozenset({"syntax_invalid_json", "unknown_campaign", "unknown_group", "missing_callback_url"})
"""Codes that say nothing of a single message: without any one of them the batch would be refused as well."""

_DELIVERY_CODES: Final = {
    402: _Meaning(E.RECIPIENT, "Unroutable: no network takes messages to this number"),
    403: _Meaning(E.DELIVERY, "An internal error at Sinch"),
    404: _Meaning(E.DELIVERY, "A temporary failure"),
    405: _Meaning(E.CONTENT, "A parameter of the text has no value for this number"),
    406: _Meaning(E.DELIVERY, "The validity ended before the message reached the network"),
    407: _Meaning(E.DELIVERY, "Cancelled"),
    408: _Meaning(E.DELIVERY, "The network rejects the message"),
    409: _Meaning(E.DELIVERY, "The price is above the threshold of the account"),
    410: _Meaning(E.SENDER, "The account has no default sender for this number"),
    411: _Meaning(E.CONTENT, "The text has more parts than are allowed"),
    412: _Meaning(E.SENDER, "The account may not send to this region"),
}
"""Codes of a delivery report; all others are of the network (SMPP)."""


def request_error(code: str) -> ProviderError | None:
    """The error of a known code."""
    meaning = REQUEST_CODES.get(code)
    return None if meaning is None else ProviderError(meaning.error_class, code, meaning.text)


def delivery_error(code: int | None, status: str) -> ProviderError:
    """Why a message was not delivered; `status` stands in where there is no code."""
    if code is None:
        return ProviderError(E.DELIVERY, status, f"Sinch reports {status} without a code")
    meaning = _DELIVERY_CODES.get(code)
    if meaning is None:
        return ProviderError(E.DELIVERY, str(code), f"Not delivered: the network's error {code}")
    return ProviderError(meaning.error_class, str(code), meaning.text)
