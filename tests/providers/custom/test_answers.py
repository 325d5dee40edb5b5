"""What a gateway's answer means for the message."""

from typing import Any

import pytest
from pydantic import ValidationError

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.custom.answers import AnswerRules
from heliograph.providers.protocol import Accepted, InDoubt, NotProcessed, Outcome, Refused
from heliograph.providers.shared.http import HttpAnswer

REFERENCE = "00000000-0000-7000-8000-000000000000.1"
ID: dict[str, Any] = {"kind": "split", "separator": "|", "index": 1}
CODE: dict[str, Any] = {"kind": "regex", "pattern": r"^ERR\|(\w+)"}
TEXT_GATEWAY: dict[str, Any] = {
    "success": {"value": {"kind": "split", "separator": "|", "index": 0}, "equals": ["OK", "QUEUED"]},
    "id": ID,
    "error_code": CODE,
    "error_message": {"kind": "split", "separator": "|", "index": 2},
    "errors": {"120": "recipient", "130": "account", "140": "rate_limited", "150": "unknown_outcome"},
    "statuses": {"503": "not_processed", "409": "sender"},
}


def outcome(body: bytes, status: int = 200, retry_after: float | None = None, **changes: Any) -> Outcome:
    rules = AnswerRules.model_validate({**TEXT_GATEWAY, **changes})
    return rules.outcome("The gateway", HttpAnswer(status, body, retry_after), REFERENCE)


def test_success_is_a_status_a_word_and_an_id() -> None:
    assert outcome(b"OK|1701") == Accepted("1701", "http_200")
    assert outcome(b"QUEUED|1702", 202) == Accepted("1702", "http_202")


def test_a_gateway_without_ids_is_known_by_our_reference() -> None:
    assert outcome(b"OK", id=None) == Accepted(REFERENCE, "http_200")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"OK", 200),
        (b"OK|", 200),
        (b"", 200),
        (b"maybe", 200),
        (b"OK|" + b"1" * 300, 200),
        (b"ERR|999|what", 200),
        (b"ERR|150|try", 400),
        (b"OK|1701", 302),
        (b"OK|1701", 500),
        (b"<html>", 404),
        (b"", 400),
        (b"ERR|999|what", 500),
    ],
)
def test_what_nobody_told_us_to_read_is_in_doubt(body: bytes, status: int) -> None:
    assert isinstance(outcome(body, status), InDoubt)


def test_a_listed_code_has_its_class_whatever_the_status() -> None:
    for status in (200, 400, 500):
        refused = outcome(b"ERR|120|+447400123456 is not a number", status)
        assert isinstance(refused, Refused)
        assert (refused.error.error_class, refused.error.code) == (ErrorClass.RECIPIENT, "120")
        assert refused.error.message == "<number> is not a number"


def test_codes_that_are_known_not_to_have_been_processed_go_back_to_the_queue() -> None:
    limited = outcome(b"ERR|140|slower", 429, 7.0)
    assert isinstance(limited, NotProcessed)
    assert (limited.error.error_class, limited.retry_after) == (ErrorClass.RATE_LIMITED, 7.0)
    broke = outcome(b"ERR|130|no money")
    assert isinstance(broke, NotProcessed)
    assert broke.error.error_class is ErrorClass.ACCOUNT


def test_a_star_stands_for_every_other_code() -> None:
    refused = outcome(b"ERR|999|what", errors={"120": "recipient", "*": "other"})
    assert isinstance(refused, Refused)
    assert (refused.error.error_class, refused.error.code) == (ErrorClass.OTHER, "999")


def test_a_listed_status_has_its_class_where_no_code_tells() -> None:
    assert isinstance(outcome(b"busy", 503), NotProcessed)
    refused = outcome(b"", 409)
    assert isinstance(refused, Refused)
    assert (refused.error.error_class, refused.error.code) == (ErrorClass.SENDER, "http_409")


@pytest.mark.parametrize(
    ("status", "error_class"), [(401, ErrorClass.AUTH), (403, ErrorClass.AUTH), (429, ErrorClass.RATE_LIMITED)]
)
def test_statuses_that_mean_the_same_everywhere_need_no_listing(status: int, error_class: ErrorClass) -> None:
    answered = outcome(b"", status)
    assert isinstance(answered, NotProcessed)
    assert answered.error.error_class is error_class


def test_a_4xx_with_an_unlisted_code_is_the_gateways_refusal() -> None:
    refused = outcome(b"ERR|777|no", 422)
    assert isinstance(refused, Refused)
    assert (refused.error.error_class, refused.error.code, refused.error.message) == (ErrorClass.OTHER, "777", "no")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"success_from": 300, "success_to": 200}, "success_from"),
        ({"error_code": None}, "error_code has to say"),
        ({"errors": {"1": "sometimes"}}, "errors.1"),
        ({"statuses": {"99": "other"}}, "statuses"),
        ({"statuses": {"abc": "other"}}, "statuses"),
        ({"success": {"value": ID, "equals": []}}, "success.equals"),
        ({"id": {"kind": "json"}}, "id.json.path"),
    ],
)
def test_rules_that_cannot_work_are_refused(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        AnswerRules.model_validate({**TEXT_GATEWAY, **changes})


def test_where_the_id_stands_has_to_be_said() -> None:
    with pytest.raises(ValidationError, match="id"):
        AnswerRules.model_validate({})
