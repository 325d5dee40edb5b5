"""From a provider's HTTP answer to what became of the message: the rules that hold for all of them.

A provider looks at its own error codes first (`of_error`), and leaves the rest to `of_status`.
"""

from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import InDoubt, NotProcessed, OutgoingMessage, ProviderError, Refused
from heliograph.providers.shared.http import HttpAnswer

_LEAVES_IT_QUEUED: Final = frozenset(
    {ErrorClass.AUTH, ErrorClass.ACCOUNT, ErrorClass.RATE_LIMITED, ErrorClass.NOT_PROCESSED}
)
"""Refused as a request, not as a message: the message stays in the queue."""


def of_error(error: ProviderError, retry_after: float | None = None) -> Refused | NotProcessed | InDoubt:
    """The outcome of an error that the provider documents, by its class."""
    if error.error_class in _LEAVES_IT_QUEUED:
        return NotProcessed(error, retry_after)
    if error.error_class is ErrorClass.UNKNOWN_OUTCOME:
        return InDoubt(error)
    return Refused(error)


def of_status(
    name: str, answer: HttpAnswer, refused: ProviderError | None = None, *, not_processed: frozenset[int] = frozenset()
) -> Refused | NotProcessed | InDoubt:
    """The outcome of an answer other than success, by its HTTP status.

    `refused` is the provider's error, where the body has one in the provider's form: a 4xx without it may be from
    something between us, and is in doubt. `not_processed`: the 5xx that the provider documents as not processed.
    """
    status = answer.status
    if status in {401, 403}:
        return NotProcessed(ProviderError(ErrorClass.AUTH, f"http_{status}", f"{name} does not accept the credentials"))
    if status == 429:
        return NotProcessed(ProviderError(ErrorClass.RATE_LIMITED, "http_429", "Too many requests"), answer.retry_after)
    if status in not_processed:
        text = f"{name} answered HTTP {status}: it did not process the request"
        return NotProcessed(ProviderError(ErrorClass.NOT_PROCESSED, f"http_{status}", text), answer.retry_after)
    if 400 <= status < 500 and status != 408 and refused is not None:
        return of_error(refused, answer.retry_after)
    return in_doubt(f"http_{status}", f"{name} answered HTTP {status}: the message may have been processed")


def unreadable(name: str, answer: HttpAnswer) -> InDoubt:
    """A 2xx that does not name the message, or cannot be read."""
    return in_doubt("unreadable_answer", f"{name} answered HTTP {answer.status} without naming the message")


def in_doubt(code: str, text: str) -> InDoubt:
    """Nobody knows."""
    return InDoubt(ProviderError(ErrorClass.UNKNOWN_OUTCOME, code, text))


def refuse_surrogates(message: OutgoingMessage) -> Refused | None:
    """The refusal of a text that is not Unicode, which no encoding can carry; None for all others."""
    try:
        message.body.encode()
    except UnicodeEncodeError:
        return Refused(ProviderError(ErrorClass.CONTENT, "not_unicode", "The text has a lone surrogate"))
    return None
