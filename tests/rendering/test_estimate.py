"""The estimate over many recipients."""

from heliograph.domain.message_parts import Encoding
from heliograph.rendering import PartsEstimate, compile_template, estimate_parts


def test_it_sums_parts_encodings_and_refusals() -> None:
    names = ["Anna", "Zoë", "Жанна", "x" * 170, " ", "y" * 20_000]
    estimate = estimate_parts(compile_template("Hi {{ name }}"), ({"name": name} for name in names))
    assert (estimate.recipients, estimate.messages, estimate.refused) == (6, 4, 2)
    assert estimate.parts == 5
    assert (estimate.fewest_parts, estimate.most_parts) == (1, 2)
    assert estimate.encodings == {Encoding.GSM_7: 2, Encoding.UCS_2: 2}
    assert estimate.distribution == {1: 3, 2: 1}
    assert estimate.refusals == {"missing_variable": 1, "message_too_long": 1}
    assert estimate.parts_per_message == 1.25


def test_of_nobody_it_is_all_zero() -> None:
    estimate = PartsEstimate()
    assert (estimate.messages, estimate.parts, estimate.fewest_parts, estimate.parts_per_message) == (0, 0, 0, 0.0)
