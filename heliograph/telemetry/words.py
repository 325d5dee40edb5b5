"""Attributes whose words others choose: kept few and plain, since each value is a series of its own."""

import re
from typing import Final


class Words:
    """Keeps an open list of words few and plain, whatever callers pass: what is not, is "other"."""

    def __init__(self, limit: int, plain: str) -> None:
        self._limit = limit
        self._plain = re.compile(plain)
        self._seen: set[str] = set()

    def bounded(self, word: str) -> str:
        """The word itself, or "other"."""
        if word in self._seen:
            return word
        if len(self._seen) >= self._limit or self._plain.fullmatch(word) is None:
            return "other"
        self._seen.add(word)
        return word


REASONS: Final = Words(100, r"[a-z][a-z_]{0,39}")
"""Of exclusions."""
TYPES: Final = Words(30, r"(?!.*\d{5})[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
"""Of messages: nothing that could be somebody's number."""
