"""Smart encoding replaces what has a likeness, and never half a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.message_parts import count_parts, is_gsm7
from heliograph.domain.smart_encoding import REPLACEMENTS, smart_encode


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“hi”", '"hi"'),
        ("a`c", "a'c"),
        ("It’s 5–7", "It's 5-7"),
        ("wait…", "wait..."),
        ("¼ ½ ¾", "1/4 1/2 3/4"),
        ("10\u00a0000\u202f€", "10 000 €"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tab\tbed", "tab bed"),
        ("bell\x07", "bell"),
        ("ＳＡＬＥ ５０", "SALE 50"),
        ("‹b› ‼", "<b> !!"),
    ],
)
def test_typographic_characters_become_their_likenesses(text: str, expected: str) -> None:
    assert smart_encode(text) == expected
    assert is_gsm7(expected)


def test_the_original_is_kept_when_anything_beyond_gsm7_would_remain() -> None:
    assert smart_encode("“Привет”") == "“Привет”"


def test_the_original_is_kept_when_the_likeness_would_cost_more_parts() -> None:
    assert smart_encode("…" * 70) == "…" * 70


def test_every_replacement_is_gsm7() -> None:
    assert all(is_gsm7(likeness) for likeness in REPLACEMENTS.values())
    assert not any(is_gsm7(chr(code)) for code in REPLACEMENTS)


@given(st.text(max_size=200))
def test_it_never_costs_more_parts_and_is_stable(text: str) -> None:
    encoded = smart_encode(text)
    assert count_parts(encoded).parts <= count_parts(text).parts
    assert smart_encode(encoded) == encoded
