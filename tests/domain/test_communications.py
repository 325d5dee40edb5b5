"""What states mean to somebody who counts errors."""

from collections import Counter

from heliograph.domain.communications import STATES, STATUS_OF, CommunicationStatus
from heliograph.domain.ledger import AWAITING_RECEIPT, OPEN, MessageState


def test_every_state_has_one_status() -> None:
    counted = Counter(state for states in STATES.values() for state in states)
    assert counted == Counter(MessageState)


def test_what_is_open_is_no_error_and_what_was_never_sent_no_success() -> None:
    assert {STATUS_OF[state] for state in OPEN} == {CommunicationStatus.PENDING, CommunicationStatus.SUCCESS}
    assert {STATUS_OF[state] for state in OPEN - AWAITING_RECEIPT} == {CommunicationStatus.PENDING}
    assert STATUS_OF[MessageState.SUPPRESSED] is CommunicationStatus.EXCLUDED
    assert STATUS_OF[MessageState.INVALID] is CommunicationStatus.ERROR
