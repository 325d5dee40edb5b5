"""From what IP2SMS answered to what became of each message. The table is in docs/providers/ip2sms.md."""

from collections.abc import Sequence

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.ip2sms.answers import Status, Told, read
from heliograph.providers.ip2sms.words import DUPLICATE, REJECTED, rejection
from heliograph.providers.protocol import (
    Accepted,
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
)
from heliograph.providers.shared.configured_reply import UnreadableReply
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.shared.outcomes import of_error, of_status, unreadable

NAME = "IP2SMS"
BY_KEY = "uniq_key/"
"""Begins our name for a message of which the provider says that it has it, without saying under which id."""

_SPEAK_FOR_THEMSELVES = frozenset({401, 403, 408, 429})
"""Statuses whose body adds nothing."""


def outcome_of(answer: HttpAnswer, message: OutgoingMessage, form: str) -> Outcome:
    """The outcome of a request for one message."""
    status = _read(answer, form)
    if isinstance(status, Status) and status.messages:
        return _outcome(status.messages[0], status.group, message) or unreadable(NAME, answer)
    return _unread(answer, status if isinstance(status, ProviderError) else None)


def outcomes_of(answer: HttpAnswer, messages: Sequence[OutgoingMessage], form: str) -> Sequence[Outcome] | None:
    """The outcomes of a request for several, in their order; None when it was rejected as a whole for one of them.

    Nothing of such a request was taken: its messages can be sent one by one.
    """
    status = _read(answer, form)
    if not isinstance(status, Status) or not status.messages:
        return [_unread(answer, status if isinstance(status, ProviderError) else None)] * len(messages)
    if _is_whole(status):
        (told,) = status.messages
        if told.error != DUPLICATE and not isinstance(of_error(rejection(told.error or "")), NotProcessed):
            return None
        return [_outcome(told, "", message) or unreadable(NAME, answer) for message in messages]
    if not status.group or len(status.messages) != len(messages):
        return [unreadable(NAME, answer)] * len(messages)
    return [
        _outcome(told, status.group, message) or unreadable(NAME, answer)
        for told, message in zip(status.messages, messages, strict=True)
    ]


def _is_whole(status: Status) -> bool:
    return not status.group and len(status.messages) == 1 and status.messages[0].state == REJECTED


def _read(answer: HttpAnswer, form: str) -> Status | ProviderError | None:
    """What the answer says; an error that comes in plain text; None for what cannot be read or believed."""
    if answer.status in _SPEAK_FOR_THEMSELVES or not 200 <= answer.status < 500:
        return None
    try:
        return read(answer, form)
    except UnreadableReply:
        text = answer.text.strip()
    if text.startswith("401 Unauthorized"):
        return ProviderError(ErrorClass.AUTH, "unauthorized", f"{NAME} does not accept the credentials")
    if text.startswith("Request not recognized"):
        return ProviderError(ErrorClass.OTHER, "request_not_recognized", f"{NAME} could not read the request")
    return None


def _unread(answer: HttpAnswer, error: ProviderError | None) -> Refused | NotProcessed | InDoubt:
    if answer.is_success:
        return unreadable(NAME, answer) if error is None else of_error(error)
    return of_status(NAME, answer, error)


def _outcome(told: Told, group: str, message: OutgoingMessage) -> Outcome | None:
    """None where neither an id nor a rejection is told."""
    if told.error == DUPLICATE:  # a request with this very key came before: that one was taken
        return Accepted(BY_KEY + message.reference, f"{told.state}: {DUPLICATE}")
    if told.state == REJECTED or told.error is not None:
        return of_error(rejection(told.error or ""))
    if not told.id:
        return None
    return Accepted(f"{group}/{told.id}" if group else told.id, told.state)
