"""The format rules of Twilio's senders (A2.1)."""

import pytest

from heliograph.errors import InvalidInput
from heliograph.providers.registry import provider

KINDS = {kind.key: kind for kind in provider("twilio").capabilities.sender_kinds}


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("long_code", "+12015550123", "+12015550123"),
        ("long_code", " +44 7400 123456 ", "+447400123456"),
        ("messaging_service", "MG9752274e9e519418a7406176694466fa", "MG9752274e9e519418a7406176694466fa"),
        ("messaging_service", "MG" + "a1" * 60, "MG" + "a1" * 60),
        ("short_code", "12345", "12345"),
        ("short_code", "anything goes", "anything goes"),
        ("alphanumeric", "Acme 24", "Acme 24"),
        ("alphanumeric", "ABCDEFGHIJK", "ABCDEFGHIJK"),
    ],
)
def test_a_good_address_is_stored_in_its_normal_form(kind: str, given: str, stored: str) -> None:
    assert KINDS[kind].check(given) == stored


@pytest.mark.parametrize(
    ("kind", "given", "rule"),
    [
        ("long_code", "2015550123", "with its country code"),
        ("long_code", "+1201555", "must be a valid phone number"),
        ("long_code", "Acme", "with its country code"),
        ("long_code", "", "with its country code"),
        ("messaging_service", "MS9752274e9e519418a7406176694466fa", "begins with MG"),
        ("messaging_service", "MG97-52", "only ASCII letters and digits"),
        ("short_code", "  ", "must not be empty"),
        ("alphanumeric", "ABCDEFGHIJKL", "at most 11 characters"),
        ("alphanumeric", "Größe", "only ASCII letters, digits and spaces"),
        ("alphanumeric", "A-b", "only ASCII letters, digits and spaces"),
        ("alphanumeric", "12345", "at least one letter"),
        ("alphanumeric", "", "only ASCII letters, digits and spaces"),
    ],
)
def test_a_wrong_format_is_refused_with_its_rule(kind: str, given: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule) as refused:
        KINDS[kind].check(given)
    assert refused.value.errors[0].field == "address"
