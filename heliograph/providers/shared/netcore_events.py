"""Events of Netcore's e-mail platforms (Netcore e-mail, once Pepipost; Falconide): a JSON array by POST, not signed.

Our reference comes back as X-APIHEADER. Names and words come in two spellings, depending on the platform's age. See
docs/providers/netcore_email.md for the sources.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderError, ProviderRequest, StatusReport, parse_reference
from heliograph.providers.shared.mail_status import class_of_bounce, find_status
from heliograph.providers.shared.scrubbing import scrub

REFERENCE_FIELD: Final = "heliograph"
"""Where X-APIHEADER is JSON: the key of our reference in it."""

_STATES: Final = {
    "delivered": MessageState.DELIVERED,
    "opened": MessageState.DELIVERED,
    "open": MessageState.DELIVERED,
    "clicked": MessageState.DELIVERED,
    "click": MessageState.DELIVERED,
    "unsubscribed": MessageState.DELIVERED,
    "unsubscribe": MessageState.DELIVERED,
    "unsub": MessageState.DELIVERED,
    "spam": MessageState.DELIVERED,
    "abuse": MessageState.DELIVERED,
    "bounced": MessageState.UNDELIVERED,
    "bounce": MessageState.UNDELIVERED,
    "invalid": MessageState.UNDELIVERED,
    "dropped": MessageState.FAILED,
    "drop": MessageState.FAILED,
}
_SENT: Final = frozenset({"sent", "send"})
_WANTS_NO_MORE: Final = frozenset({"unsubscribed", "unsubscribe", "unsub", "spam", "abuse"})
_MOST_EVENTS: Final = 1000
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999


class EventConfiguration(BaseModel):
    """How events are read."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    sent_is_delivered: bool = Field(
        default=False,
        description="Whether the event `sent` means that the recipient's server took the mail: ask the provider.",
    )


def read_events(request: ProviderRequest, configuration: EventConfiguration) -> Sequence[StatusReport]:
    """The reports in a callback; none in an empty array, by which the address is tried.

    `InvalidInput` naming the event and the field that cannot be read.
    """
    try:
        events = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.of("body", "is a JSON array of events") from error
    if not isinstance(events, list) or len(events) > _MOST_EVENTS:
        raise InvalidInput.of("body", f"is a JSON array of at most {_MOST_EVENTS} events")
    return [_read(event, f"body.{place}", configuration) for place, event in enumerate(events)]


def _read(event: Any, field: str, configuration: EventConfiguration) -> StatusReport:
    if not isinstance(event, dict):
        raise InvalidInput.of(field, "is an object")
    fields = {name.upper(): value for name, value in event.items()}
    word = _text(fields, "EVENT", field).lower()
    transaction = _text(fields, "TRANSID", field)
    reference = read_reference(fields.get("X-APIHEADER"))
    if not word:
        raise InvalidInput.of(f"{field}.EVENT", "is missing")
    if reference is None and not transaction:
        raise InvalidInput.of(f"{field}.TRANSID", "is missing, and X-APIHEADER names no message of ours")
    return StatusReport(
        provider_message_id=transaction,
        provider_status=word[:80],
        state=_state(word, configuration),
        reference=reference,
        error=_error(word, _text(fields, "RESPONSE", field)),
        occurred_at=_instant(fields.get("TIMESTAMP")),
    )


def _state(word: str, configuration: EventConfiguration) -> MessageState:
    """A word that nobody knows is kept, and changes nothing."""
    if word in _SENT:
        return MessageState.DELIVERED if configuration.sent_is_delivered else MessageState.SENT
    return _STATES.get(word, MessageState.ACCEPTED)


def _error(word: str, response: str) -> ProviderError | None:
    if word in _WANTS_NO_MORE:
        return ProviderError(ErrorClass.OPT_OUT, word, "The recipient wants no more of these mails")
    if _STATES.get(word) not in {MessageState.UNDELIVERED, MessageState.FAILED}:
        return None
    status = find_status(response)
    error_class = ErrorClass.RECIPIENT if word == "invalid" else class_of_bounce(status)
    code = ".".join(map(str, status)) if status else word
    return ProviderError(error_class, code, scrub(response) or f"The provider reports {word}")


def read_reference(value: object) -> tuple[UUID, int] | None:
    """Our reference in X-APIHEADER: as we gave it, or as a text that holds it in JSON once more."""
    for _ in range(3):
        if isinstance(value, Mapping):
            value = value.get(REFERENCE_FIELD)
        if not isinstance(value, str):
            return None
        found = parse_reference(value.strip())
        if found is not None:
            return found
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return None


def _text(fields: Mapping[str, Any], name: str, field: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidInput.of(f"{field}.{name}", "is a text or a whole number")
    return str(value).strip()[:1000]


def _instant(value: object) -> datetime | None:
    """Unix seconds, as a number or a text; never a reason to refuse."""
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 13):
        return None
    return datetime.fromtimestamp(int(text), UTC) if int(text) <= _LAST_SECOND else None
