"""Which registered text a message is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from heliograph.providers.shared.dlt import NOT_REGISTERED, DltRegistration, DltTemplate

INDIA, ELSEWHERE = "+919812345678", "+447400123456"


def registration(*texts: str) -> DltRegistration:
    """A registration whose texts have the ids 1, 2, 3…"""
    return DltRegistration(templates=tuple(DltTemplate(id=str(n), text=text) for n, text in enumerate(texts, 1)))


@pytest.mark.parametrize(
    ("registered", "body"),
    [
        ("Dear customer, welcome.", "Dear customer, welcome."),
        ("Dear {#var#}, welcome.", "Dear Ann, welcome."),
        ("Dear {#var#}, your code is {#var#}. -ACME", "Dear Ann, your code is 123456. -ACME"),
        ("{#var#} is your code", "123456 is your code"),
        ("Your code is {#numeric#}", "Your code is 123456"),
        ("{#var#}{#var#} bought", "A long name bought"),
        ("Line one\r\nline {#var#}", "Line one\nline two"),
        ("नमस्ते {#var#}, धन्यवाद", "नमस्ते राम, धन्यवाद"),
        ("a {#var#} b {#var#} b", "a b b b b"),
    ],
)
def test_a_text_fits_its_registration(registered: str, body: str) -> None:
    assert registration(registered).template_id(INDIA, body) == "1"


@pytest.mark.parametrize(
    ("registered", "body"),
    [
        ("Dear customer, welcome.", "Dear customer, welcome!"),
        ("Dear {#var#}, welcome.", "Hello Ann, welcome."),
        ("Dear {#var#}, welcome.", "Dear Ann, welcome. Really."),
        ("one {#var#} two {#var#} three", "one x three two y three?"),
        ("ab{#var#}ba", "aba"),
    ],
)
def test_a_text_that_fits_none_is_refused(registered: str, body: str) -> None:
    assert registration(registered).template_id(INDIA, body) is NOT_REGISTERED


def test_of_several_that_fit_the_most_exact_is_meant() -> None:
    several = registration("{#var#}", "Dear {#var#}", "Dear {#var#}, welcome")
    assert several.template_id(INDIA, "Dear Ann, welcome") == "3"
    assert several.template_id(INDIA, "Dear Ann") == "2"
    assert several.template_id(INDIA, "anything") == "1"


def test_other_countries_and_unknown_registrations_need_none() -> None:
    assert registration("Dear {#var#}").template_id(ELSEWHERE, "anything") is None
    assert DltRegistration().template_id(INDIA, "anything") is None


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6), st.lists(st.text(max_size=20), min_size=6, max_size=6))
def test_whatever_stands_in_place_of_the_variables_fits(pieces: list[str], values: list[str]) -> None:
    registered = "{#var#}".join(pieces)
    if "{" in "".join(pieces) or "#" in "".join(pieces) or not registered:
        return
    body = "".join(piece + value for piece, value in zip(pieces, [*values[: len(pieces) - 1], ""], strict=True))
    assert registration(registered).template_id(INDIA, body) == "1"


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"entity_id": "12 34"}, "pattern"),
        ({"templates": [{"id": "11O7", "text": "x"}]}, "pattern"),
        ({"templates": [{"id": "1", "text": ""}]}, "at least 1"),
        ({"templates": [{"id": "1", "text": "a"}, {"id": "1", "text": "b"}]}, "stands twice"),
        ({"principal": "1"}, "not permitted"),
    ],
)
def test_a_broken_registration_is_refused(broken: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        DltRegistration.model_validate(broken)
