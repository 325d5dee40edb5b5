"""From Sinch's answer to a batch to what became of its messages."""

from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, OutgoingMessage, ProviderError, Refused
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.shared.outcomes import of_error, of_status, refuse_surrogates, unreadable
from heliograph.providers.shared.scrubbing import scrub
from heliograph.providers.sinch.batches import LONGEST_TEXT
from heliograph.providers.sinch.meanings import OF_THE_BATCH, request_error

NAME: Final = "Sinch"
_NOT_PROCESSED: Final = frozenset({500})
"""Documented: "an unexpected internal error occurred and the request was not processed". Nothing of the kind is said
of 503 and the others."""


def batch_id(answer: HttpAnswer) -> str | None:
    """The name of the batch, where it was taken."""
    name = (answer.json_object() or {}).get("id") if answer.is_success else None
    return name if isinstance(name, str) and name and "/" not in name else None


def accepted(name: str) -> Accepted:
    """A message that was taken; Sinch does not count its parts here."""
    return Accepted(name, "Queued")


def refusal(answer: HttpAnswer) -> Refused | NotProcessed | InDoubt:
    """The outcome of an answer that names no batch: the same for all its messages."""
    if answer.is_success:
        return unreadable(NAME, answer)
    if answer.status == 404:  # documented for a path that does not exist: nothing took the batch
        text = "Sinch does not know the service plan, or not in this region"
        return NotProcessed(ProviderError(ErrorClass.ACCOUNT, "http_404", text))
    error = _error(answer)
    if answer.status == 403 and error is not None:  # valid, but cannot be done: not a matter of credentials
        return of_error(error)
    return of_status(NAME, answer, error, not_processed=_NOT_PROCESSED)


def may_be_one_of_them(outcome: Refused) -> bool:
    """Whether a batch may have been refused for a few of its messages, so that the others can go without them."""
    return outcome.error.code not in OF_THE_BATCH


def unsendable(message: OutgoingMessage) -> Refused | None:
    """The refusal of a text that would have its whole batch refused."""
    if len(message.body) > LONGEST_TEXT:
        text = f"The text is longer than {LONGEST_TEXT} characters"
        return Refused(ProviderError(ErrorClass.CONTENT, "too_long", text))
    return refuse_surrogates(message)


def _error(answer: HttpAnswer) -> ProviderError | None:
    """The error in either of Sinch's forms: `{code, text}`, or `{error: {code, message, status}}`."""
    content = answer.json_object() or {}
    inner = content.get("error")
    if isinstance(inner, dict):
        code, words = inner.get("status") or inner.get("code"), inner.get("message")
    else:
        code, words = content.get("code"), content.get("text")
    if not isinstance(code, str | int) or not code:
        return None
    name = str(code)[:60]
    return request_error(name) or ProviderError(ErrorClass.OTHER, name, scrub(str(words or f"Sinch's error {name}")))
