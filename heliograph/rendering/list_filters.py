"""Filters on lists and objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Undefined

from heliograph.rendering.errors import LimitExceeded, RuleBroken
from heliograph.rendering.limits import MAX_ITEMS
from heliograph.rendering.values import Number, items, magnitude, number, printed, room_for, text, whole


def length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(items(value))


def join(value: Any, separator: Any = "") -> str:
    texts, between = [printed(item) for item in items(value)], text(separator)
    room_for(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def first(value: Any) -> Any:
    found = text(value) if isinstance(value, str) else items(value)
    return found[0] if found else None


def last(value: Any) -> Any:
    found = text(value) if isinstance(value, str) else items(value)
    return found[-1] if found else None


def ordered(value: Any, reverse: bool = False) -> list[Any]:
    return sorted(items(value), reverse=bool(reverse))


def unique(value: Any) -> list[Any]:
    return list(dict.fromkeys(items(value)))


def reversed_(value: Any) -> Any:
    return text(value)[::-1] if isinstance(value, str) else list(items(value))[::-1]


def total(value: Any) -> Number:
    return magnitude(sum(number(item) for item in items(value)))


def least(value: Any) -> Any:
    return min(items(value), default=None)


def greatest(value: Any) -> Any:
    return max(items(value), default=None)


def numbers_in(first: Any, *rest: Any) -> Sequence[int]:
    """The function `range`: start, stop and step as in Python, as a list within the limit."""
    numbers = range(*(whole(bound) for bound in (first, *rest)))
    if len(numbers) > MAX_ITEMS:
        raise LimitExceeded(f"range would make {len(numbers):,} rounds: a loop may have {MAX_ITEMS:,}")
    return list(numbers)


def _mapping(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    raise RuleBroken("an object is needed here")


def get(value: Any, name: Any, default: Any = None) -> Any:
    return _mapping(value).get(name, default)


def keys(value: Any) -> list[Any]:
    return list(items(list(_mapping(value))))


def values(value: Any) -> list[Any]:
    return list(items(list(_mapping(value).values())))


def pairs(value: Any) -> list[Any]:
    return list(items(list(_mapping(value).items())))
