"""What the command line shows of people: nothing whole."""

import pytest

from heliograph.cli.audience import mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+4915123456789", "+491********89"),
        ("0151 234-567", "015* ***-*67"),
        ("not a number", "not a number"),
        ("12", "12"),
        ("", ""),
    ],
)
def test_the_middle_of_a_number_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown
