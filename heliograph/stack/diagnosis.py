"""What is wrong with an installation: each finding says what was looked at, how it is, and what to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from heliograph.errors import HeliographError


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"  # works, or is not needed now
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; `advice` is empty when there is nothing to do."""

    check: str
    verdict: Verdict
    text: str
    advice: str = ""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, text)


def warning(check: str, text: str, advice: str) -> Finding:
    """Worth knowing."""
    return Finding(check, Verdict.WARNING, text, advice)


def failed(check: str, text: str, advice: str) -> Finding:
    """Something will not work."""
    return Finding(check, Verdict.FAILED, text, advice)


Examination = Callable[[], Finding | Awaitable[Finding]]


async def examine(check: str, examination: Examination, advice: str) -> Finding:
    """The examination's finding; an error that it raises is a failed one with this advice."""
    try:
        found = examination()
        return found if isinstance(found, Finding) else await found
    except (HeliographError, OSError) as error:
        return failed(check, str(error), advice)
