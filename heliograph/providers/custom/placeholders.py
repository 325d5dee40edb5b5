"""What a request can say of a message: every placeholder, and how its value is found."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from heliograph.domain.message_parts import count_parts
from heliograph.providers.protocol import OutgoingMessage, SenderAddress

REFERENCE_PARAMETER: Final = "r"
"""Carries our reference in the address of callbacks."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One message to be written into a request."""

    message: OutgoingMessage
    sender: SenderAddress
    callback_url: str  # empty when no receipts are wanted
    reference: str


def _callback_url(subject: Subject) -> str:
    url = subject.callback_url
    if not url:
        return ""
    return f"{url}{'&' if '?' in url else '?'}{REFERENCE_PARAMETER}={subject.reference}"


PLACEHOLDERS: Final[Mapping[str, Callable[[Subject], str]]] = {
    "to": lambda subject: subject.message.to,
    "to_digits": lambda subject: subject.message.to.removeprefix("+"),
    "body": lambda subject: subject.message.body,
    "sender": lambda subject: subject.sender.address,
    "sender_kind": lambda subject: subject.sender.kind,
    "reference": lambda subject: subject.reference,
    "message_id": lambda subject: str(subject.message.message_id),
    "callback_url": _callback_url,
    "encoding": lambda subject: count_parts(subject.message.body).encoding.value,
    "parts": lambda subject: str(count_parts(subject.message.body).parts),
    "timestamp": lambda _: str(int(time.time())),
}
"""By name; docs/providers/custom.md says for people what each is."""

QUESTION_PLACEHOLDERS: Final = frozenset({"id", "timestamp"})
"""Of the request that asks for the status of a message: the gateway's id of it."""


SAMPLES: Final[Mapping[str, str]] = {
    "to": "+12015550123",
    "to_digits": "12015550123",
    "body": "Hello",
    "sender": "ACME",
    "sender_kind": "sender",
    "reference": "00000000-0000-7000-8000-000000000000.1",
    "message_id": "00000000-0000-7000-8000-000000000000",
    "callback_url": "https://example.com/callbacks/token/status",
    "encoding": "gsm7",
    "parts": "1",
    "timestamp": "1800000000",
    "id": "1",
}
"""A value of each, to see that a template can be rendered at all when it is saved."""


def values_of(subject: Subject, names: Collection[str]) -> dict[str, str]:
    """The values of these placeholders."""
    return {name: PLACEHOLDERS[name](subject) for name in names}
