"""The classification of Twilio's answers, where the contract does not reach."""

import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException, TwilioServiceException

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import InDoubt, NotProcessed, Outcome, Refused
from heliograph.providers.shared.http import retry_after
from heliograph.providers.shared.scrubbing import scrub
from heliograph.providers.twilio.codes import DELIVERY_CODES, REQUEST_CODES
from heliograph.providers.twilio.outcomes import outcome_of_answer
from heliograph.providers.twilio.transport import Exchange


def answered(status: int, code: int | None, text: str = "") -> Outcome:
    """The outcome of an error body with this code."""
    exchange = Exchange(time.monotonic() + 1)
    exchange.written, exchange.status = True, status
    return outcome_of_answer(TwilioRestException(status, "/", text, status if code is None else code), exchange)


@pytest.mark.parametrize("code", REQUEST_CODES)
def test_every_known_code_becomes_what_its_class_says(code: int) -> None:
    error_class = REQUEST_CODES[code].error_class
    outcome = answered(400, code)
    assert isinstance(outcome, NotProcessed | Refused)
    assert outcome.error.error_class is error_class
    pausing = error_class in {ErrorClass.AUTH, ErrorClass.ACCOUNT, ErrorClass.RATE_LIMITED}
    assert isinstance(outcome, NotProcessed) == pausing


@pytest.mark.parametrize("status", [302, 408, 500, 502, 503, 504])
def test_an_answer_that_says_nothing_about_the_message_is_in_doubt(status: int) -> None:
    assert isinstance(answered(status, 21211), InDoubt)


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_a_4xx_that_is_not_twilios_is_in_doubt(status: int) -> None:
    assert isinstance(answered(status, None, "<html>proxy</html>"), InDoubt)


def test_a_bare_401_is_about_the_credentials_and_a_bare_429_about_the_rate() -> None:
    credentials, rate = answered(401, None), answered(429, None)
    assert isinstance(credentials, NotProcessed)
    assert credentials.error.error_class is ErrorClass.AUTH
    assert isinstance(rate, NotProcessed)
    assert rate.error.error_class is ErrorClass.RATE_LIMITED


def test_an_unknown_code_is_refused_with_twilios_words_but_no_number() -> None:
    outcome = answered(400, 98765, "Unable to create record: +1 (201) 555-0123 is on the moon; see line 42")
    assert isinstance(outcome, Refused)
    assert outcome.error.error_class is ErrorClass.OTHER
    assert outcome.error.code == "98765"
    assert outcome.error.message == "<number> is on the moon; see line 42"


def test_the_newer_error_form_is_read_too() -> None:
    exchange = Exchange(time.monotonic() + 1)
    exchange.status = 400
    error = TwilioServiceException("about:blank", "Bad request", 400, 21610, "opted out")
    outcome = outcome_of_answer(error, exchange)
    assert isinstance(outcome, Refused)
    assert outcome.error.error_class is ErrorClass.OPT_OUT


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("30") == 30.0
    assert retry_after(" 0 ") == 0.0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    seconds = retry_after(later)
    assert seconds is not None
    assert 50 < seconds <= 60
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None


@given(st.text())
def test_no_retry_after_header_raises(header: str) -> None:
    seconds = retry_after(header)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def test_our_texts_carry_no_numbers() -> None:
    for meaning in (*REQUEST_CODES.values(), *DELIVERY_CODES.values()):
        assert scrub(meaning.text) == meaning.text
