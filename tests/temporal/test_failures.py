"""Our errors in Temporal: what is retried, what is not, and under which name."""

from collections.abc import Iterator

import pytest
from temporalio.exceptions import ApplicationErrorCategory

from heliograph import errors
from heliograph.errors import HeliographError, Rejected, TooManyRequests, Transient
from heliograph.temporal.failures import to_application_error


def tree(root: type[HeliographError] = HeliographError) -> Iterator[type[HeliographError]]:
    """Every class of the error tree."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


KINDS = [kind for kind in tree() if kind.__module__ == errors.__name__]


def made(kind: type[HeliographError]) -> HeliographError:
    """One of this class."""
    return kind("why", retry_after=1) if issubclass(kind, TooManyRequests) else kind("why")


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_passes_is_tried_again(kind: type[HeliographError]) -> None:
    failure = to_application_error(made(kind))
    assert failure.non_retryable == (not issubclass(kind, Transient))
    assert (failure.type, failure.message, list(failure.details)) == (kind.__name__, "why", [kind.default_code])


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_caller_did_wrong_is_no_fault_of_the_worker(kind: type[HeliographError]) -> None:
    benign = to_application_error(made(kind)).category is ApplicationErrorCategory.BENIGN
    assert benign == issubclass(kind, Rejected)
