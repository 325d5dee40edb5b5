"""The error tree: one status and one code a class, drawn in the docstring as it is."""

import re
from collections import Counter

import pytest

from heliograph import errors
from heliograph.errors import FieldError, HeliographError, InvalidInput, TooManyRequests
from tests.temporal.test_failures import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_has_a_status_a_code_and_a_title_of_its_own(kind: type[HeliographError]) -> None:
    assert 400 <= kind.status < 600
    assert re.fullmatch(r"[a-z_]+", kind.default_code)
    assert Counter(other.default_code for other in KINDS)[kind.default_code] == 1
    assert Counter(other.title for other in KINDS)[kind.title] == 1
    assert kind.__doc__


def test_the_tree_in_the_docstring_is_the_tree_that_is() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+)(?:\s+(\d{3}))?", errors.__doc__ or ""))
    assert set(drawn) == {kind.__name__ for kind in KINDS} - {"HeliographError"}
    for kind in KINDS:
        if status := drawn.get(kind.__name__):
            assert kind.status == int(status), kind


def test_the_callers_fault_is_4xx_and_ours_is_5xx() -> None:
    for kind in KINDS[1:]:
        assert (kind.status < 500) == issubclass(kind, errors.Rejected), kind


def test_one_broken_rule_names_its_field_and_rule() -> None:
    error = InvalidInput.of("address", "is E.164", "not_e164")
    assert (error.detail, error.errors) == ("address: is E.164", (FieldError("address", "is E.164", "not_e164"),))


def test_an_error_has_its_own_code_or_that_of_its_class() -> None:
    assert (errors.NotFound("no").code, errors.NotFound("no", code="run_not_found").code) == (
        "not_found",
        "run_not_found",
    )
    assert TooManyRequests("later", retry_after=2.5).retry_after == 2.5
