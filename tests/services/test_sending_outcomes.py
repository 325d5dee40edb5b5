"""What a provider's answer becomes in the ledger, and what follows from it for the run."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.db.outcomes import AttemptOutcome
from heliograph.domain.ledger import EDGES, MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import (
    Accepted,
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
)
from heliograph.services.outcomes import PAUSES_THE_RUN, broken, consequences, released, to_outcome

S = MessageState


def message(attempt: int = 1) -> OutgoingMessage:
    """A claimed message."""
    return OutgoingMessage(uuid4(), attempt, "+14155550100", "Hello", 0.0)


def error(error_class: ErrorClass = ErrorClass.OTHER, code: str = "1", text: str = "why") -> ProviderError:
    """A provider's error."""
    return ProviderError(error_class, code, text)


def retried(attempt: int = 1, retry_after: float | None = None) -> timedelta:
    """How long after the answer the next try may begin."""
    outcome = to_outcome(message(attempt), NotProcessed(error(), retry_after))
    assert outcome.due_at is not None
    return outcome.due_at - outcome.answered_at


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Accepted("SM1", "queued", 2), S.ACCEPTED),
        (Refused(error()), S.REJECTED),
        (InDoubt(error()), S.IN_DOUBT),
        (NotProcessed(error()), S.QUEUED),
    ],
)
def test_each_answer_has_its_state_and_names_its_attempt(answer: Outcome, state: MessageState) -> None:
    sent = message(attempt=3)
    outcome = to_outcome(sent, answer)
    assert (outcome.message_id, outcome.attempt, outcome.state) == (sent.message_id, 3, state)
    assert state in EDGES[S.CLAIMED]
    assert (outcome.due_at is not None) == (state is S.QUEUED)


def test_only_what_was_known_not_to_be_processed_is_queued_again() -> None:
    """Whatever the error's class says: the kind of the answer decides."""
    for error_class in ErrorClass:
        assert to_outcome(message(), InDoubt(error(error_class))).state is S.IN_DOUBT
        assert to_outcome(message(), Refused(error(error_class))).state is S.REJECTED


def test_tries_come_ever_later_up_to_a_minute() -> None:
    waits = [retried(attempt).total_seconds() for attempt in range(1, 40)]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(2)
    assert waits[-1] == pytest.approx(60)


def test_the_time_that_the_provider_names_is_kept() -> None:
    assert retried(attempt=9, retry_after=0.5) == timedelta(seconds=0.5)


def test_a_claim_given_back_is_due_as_before_and_blames_nobody() -> None:
    outcome = released(message())
    assert (outcome.state, outcome.due_at, outcome.error_class, outcome.error_code) == (S.QUEUED, None, None, None)
    assert consequences([outcome]).none


def test_a_defect_of_ours_leaves_the_message_in_doubt() -> None:
    outcome = broken(message(), "KeyError")
    assert (outcome.state, outcome.error_class) == (S.IN_DOUBT, ErrorClass.UNKNOWN_OUTCOME)
    assert (outcome.error_code, outcome.error_message) == ("connector_defect", "KeyError")


anything = st.text(st.characters(exclude_categories=()), max_size=1_200)
"""Halves of surrogate pairs included: JSON can carry them."""


@given(anything, anything)
def test_whatever_text_a_provider_sends_can_be_stored(code: str, text: str) -> None:
    refused = to_outcome(message(), Refused(error(code=code, text=text)))
    accepted = to_outcome(message(), Accepted(code, text))
    stored = (
        refused.error_code,
        refused.error_message,
        accepted.provider_message_id,
        accepted.provider_status,
    )
    for value in stored:
        assert value is not None
        assert len(value) <= 500
        assert "\x00" not in value
        value.encode()  # what PostgreSQL takes as text is UTF-8


@pytest.mark.parametrize("parts", [-1, 0, 32_768, 10**9])
def test_a_number_of_parts_that_cannot_be_is_not_taken_over(parts: int) -> None:
    assert to_outcome(message(), Accepted("SM1", "queued", parts)).parts is None


# -- what follows


def of_class(error_class: ErrorClass, *, retry_after: float | None = None) -> AttemptOutcome:
    """A try that was refused for now."""
    return to_outcome(message(), NotProcessed(error(error_class, "63038", "over"), retry_after))


def test_nothing_follows_from_acceptances_and_plain_refusals() -> None:
    group = [
        to_outcome(message(), Accepted("SM1", "queued")),
        to_outcome(message(), Refused(error(ErrorClass.RECIPIENT))),
    ]
    assert consequences(group).none
    assert consequences([]).none


@pytest.mark.parametrize("error_class", sorted(PAUSES_THE_RUN))
def test_an_account_that_is_refused_pauses_the_run_and_says_why(error_class: ErrorClass) -> None:
    group = [to_outcome(message(), Accepted("SM1", "queued")), of_class(error_class)]
    assert consequences(group).pause_reason == "the provider refuses the account: 63038 over"


def test_of_several_rate_limits_the_longest_holds() -> None:
    group = [of_class(ErrorClass.RATE_LIMITED, retry_after=seconds) for seconds in (3.0, 30.0, 1.0)]
    assert consequences(group).blocked_seconds == pytest.approx(30)


def test_a_rate_limit_that_is_over_at_once_still_counts_as_one() -> None:
    result = consequences([of_class(ErrorClass.RATE_LIMITED, retry_after=0.0)])
    assert result.blocked_seconds == 0
    assert not result.none


def test_a_stop_told_by_the_provider_is_handed_on_for_suppression() -> None:
    stopped = to_outcome(message(), Refused(error(ErrorClass.OPT_OUT)))
    assert consequences([of_class(ErrorClass.NOT_PROCESSED), stopped]).opted_out == [stopped]


def test_doubt_is_noticed_even_where_the_account_is_refused() -> None:
    """A connection that broke while credentials were revoked: both count."""
    result = consequences([to_outcome(message(), InDoubt(error(ErrorClass.AUTH)))])
    assert result.any_in_doubt
