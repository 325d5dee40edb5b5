"""From what a provider answered to what the ledger records, and what follows from it for the run."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Channel, ErrorClass
from heliograph.providers.protocol import (
    Accepted,
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
)

_LONGEST_TEXT: Final = 500
_POSSIBLE_PARTS: Final = range(1, 2**15)
"""What a message can have and the ledger can hold: a provider that has not counted yet says 0."""
_FIRST_RETRY_SECONDS: Final = 2.0
_LAST_RETRY_SECONDS: Final = 60.0

PAUSES_THE_RUN: Final = frozenset({ErrorClass.AUTH, ErrorClass.ACCOUNT})
"""The account cannot send at all: going on would only burn the audience."""


def to_outcome(message: OutgoingMessage, answer: Outcome) -> AttemptOutcome:
    """What the ledger records for `answer`."""
    now = datetime.now(UTC)
    if isinstance(answer, Accepted):
        return AttemptOutcome(
            message.message_id,
            message.attempt,
            MessageState.ACCEPTED,
            now,
            provider_message_id=_storable(answer.provider_message_id),
            provider_status=_storable(answer.provider_status),
            parts=_possible(answer.parts),
            part_ids=[_storable(each) for each in answer.part_ids],
        )
    if isinstance(answer, Refused):
        return _with_error(message, MessageState.REJECTED, now, answer.error)
    if isinstance(answer, InDoubt):
        return _with_error(message, MessageState.IN_DOUBT, now, answer.error)
    retry = now + timedelta(seconds=_retry_seconds(message.attempt, answer))
    return _with_error(message, MessageState.QUEUED, now, answer.error, due_at=retry)


def _possible(parts: int | None) -> int | None:
    """The count, if it can be one. (None would be looked for in the whole range, number by number.)"""
    return parts if parts is not None and parts in _POSSIBLE_PARTS else None


def released(message: OutgoingMessage) -> AttemptOutcome:
    """A claim given back: nothing was sent, and nothing is held against the message."""
    return AttemptOutcome(message.message_id, message.attempt, MessageState.QUEUED, datetime.now(UTC))


def broken(message: OutgoingMessage, defect: str) -> AttemptOutcome:
    """Our own connector failed at an unknown point of the call."""
    error = ProviderError(ErrorClass.UNKNOWN_OUTCOME, "connector_defect", defect)
    return _with_error(message, MessageState.IN_DOUBT, datetime.now(UTC), error)


def _retry_seconds(attempt: int, answer: NotProcessed) -> float:
    if answer.retry_after is not None:
        return answer.retry_after
    return min(_LAST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** min(attempt - 1, 10))


def _with_error(
    message: OutgoingMessage,
    state: MessageState,
    at: datetime,
    error: ProviderError,
    due_at: datetime | None = None,
) -> AttemptOutcome:
    return AttemptOutcome(
        message.message_id,
        message.attempt,
        state,
        at,
        due_at=due_at,
        error_class=error.error_class,
        error_code=_storable(error.code),
        error_message=_storable(error.message),
    )


def _storable(text: str) -> str:
    """What PostgreSQL takes as text, of bounded length: no NUL, no half of a surrogate pair."""
    return text.encode(errors="replace").decode().replace("\x00", "")[:_LONGEST_TEXT]


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a group of outcomes means beyond its messages."""

    any_in_doubt: bool
    pause_reason: str | None
    blocked_seconds: float | None  # the provider limits the rate: nobody asks it before
    opted_out: list[AttemptOutcome]
    bounced: list[AttemptOutcome] = field(default_factory=list)  # e-mails whose address is dead

    @property
    def none(self) -> bool:
        """Whether nothing follows."""
        follows = self.any_in_doubt or self.opted_out or self.bounced or self.pause_reason
        return not follows and self.blocked_seconds is None


def consequences(outcomes: Iterable[AttemptOutcome], channel: Channel = Channel.SMS) -> Consequences:
    """Reads a group of outcomes of one run. A phone number may be had by somebody else tomorrow; a mailbox that is not
    there harms the sender's name with each further mail to it."""
    any_in_doubt, pause_reason, blocked = False, None, None
    opted_out: list[AttemptOutcome] = []
    bounced: list[AttemptOutcome] = []
    for item in outcomes:
        if item.state is MessageState.IN_DOUBT:
            any_in_doubt = True
        elif item.error_class in PAUSES_THE_RUN:
            pause_reason = f"the provider refuses the account: {item.error_code} {item.error_message}"
        elif item.error_class is ErrorClass.RATE_LIMITED and item.due_at is not None:
            blocked = max(blocked or 0.0, (item.due_at - item.answered_at).total_seconds())
        elif item.error_class is ErrorClass.OPT_OUT:
            opted_out.append(item)
        elif item.error_class is ErrorClass.RECIPIENT and channel is Channel.EMAIL:
            bounced.append(item)
    return Consequences(any_in_doubt, pause_reason, blocked, opted_out, bounced)
