"""What relays reply, and what that means for the message."""

import pytest

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import InDoubt, NotProcessed, Outcome, Refused
from heliograph.providers.smtp.replies import Reply, Step, outcome_of_reply


def outcome(step: Step, code: int, text: str = "") -> Outcome:
    return outcome_of_reply(Reply(step, code, text), retry_seconds=300)


@pytest.mark.parametrize(
    ("step", "code", "text", "error_class"),
    [
        (Step.RECIPIENT, 550, "5.1.1 no such user", ErrorClass.RECIPIENT),
        (Step.END, 550, "5.1.1 no such user", ErrorClass.RECIPIENT),
        (Step.RECIPIENT, 550, "5.1.10 null MX", ErrorClass.RECIPIENT),
        (Step.RECIPIENT, 550, "5.2.1 disabled", ErrorClass.RECIPIENT),
        (Step.RECIPIENT, 552, "5.2.2 full", ErrorClass.DELIVERY),
        (Step.RECIPIENT, 550, "No such user, or a policy", ErrorClass.DELIVERY),
        (Step.RECIPIENT, 553, "mailbox name not allowed", ErrorClass.RECIPIENT),
        (Step.RECIPIENT, 554, "5.7.1 relay access denied", ErrorClass.OTHER),
        (Step.RECIPIENT, 550, "5.0.0 no", ErrorClass.DELIVERY),
        (Step.MAIL, 550, "5.1.8 bad sender's system", ErrorClass.SENDER),
        (Step.MAIL, 553, "not your address", ErrorClass.SENDER),
        (Step.MAIL, 552, "too large", ErrorClass.CONTENT),
        (Step.MAIL, 552, "5.3.4 too large", ErrorClass.CONTENT),
        (Step.END, 550, "5.7.26 unauthenticated mail", ErrorClass.SENDER),
        (Step.END, 554, "5.7.1 looks like spam", ErrorClass.CONTENT),
        (Step.END, 554, "looks like spam", ErrorClass.CONTENT),
        (Step.END, 554, "5.6.0 bad MIME", ErrorClass.CONTENT),
        (Step.DATA, 503, "5.5.1 bad sequence", ErrorClass.OTHER),
    ],
)
def test_a_permanent_refusal_is_final_and_says_whom_it_is_about(
    step: Step, code: int, text: str, error_class: ErrorClass
) -> None:
    refused = outcome(step, code, text)
    assert isinstance(refused, Refused)
    assert refused.error.error_class is error_class


@pytest.mark.parametrize(
    ("step", "code", "text", "error_class"),
    [
        (Step.MAIL, 530, "5.7.0 authentication required", ErrorClass.AUTH),
        (Step.AUTH, 535, "5.7.8 credentials invalid", ErrorClass.AUTH),
        (Step.MAIL, 550, "5.7.13 account disabled", ErrorClass.ACCOUNT),
        (Step.RECIPIENT, 550, "5.4.5 daily sending limit exceeded", ErrorClass.ACCOUNT),
        (Step.GREETING, 554, "no service", ErrorClass.ACCOUNT),
        (Step.MAIL, 421, "4.7.0 slow down", ErrorClass.RATE_LIMITED),
        (Step.END, 421, "", ErrorClass.RATE_LIMITED),
        (Step.RECIPIENT, 450, "4.2.0 busy", ErrorClass.NOT_PROCESSED),
        (Step.END, 451, "", ErrorClass.NOT_PROCESSED),
        (Step.MAIL, 299, "what?", ErrorClass.NOT_PROCESSED),
    ],
)
def test_what_is_not_about_the_message_leaves_it_in_the_queue(
    step: Step, code: int, text: str, error_class: ErrorClass
) -> None:
    queued = outcome(step, code, text)
    assert isinstance(queued, NotProcessed)
    assert queued.error.error_class is error_class


@pytest.mark.parametrize("code", [-1, 200, 354])
def test_an_unreadable_reply_to_the_end_of_the_text_is_in_doubt(code: int) -> None:
    assert isinstance(outcome(Step.END, code, "what?"), InDoubt)


def test_a_relays_words_are_kept_without_addresses() -> None:
    refused = outcome(Step.RECIPIENT, 550, "5.1.1 <ann@example.com>: user ann@example.com\nunknown, see Q4F12345678")
    assert isinstance(refused, Refused)
    assert refused.error.message == "5.1.1 <address>: user <address> unknown, see Q4F12345678"
