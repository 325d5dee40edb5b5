"""Filters that make numbers."""

import math
from typing import Any

from heliograph.rendering.errors import RuleBroken
from heliograph.rendering.values import Number, magnitude, number, text, whole


def to_int(value: Any, default: Any = 0) -> int:
    try:
        result = int(value if isinstance(value, int | float) else text(value).strip())
    except (ValueError, OverflowError):
        return _int_of_decimal(value, default)
    return int(magnitude(result))


def _int_of_decimal(value: Any, default: Any) -> int:
    """`"12.7"` is 12, as in Jinja; what is no number is the default."""
    result = _finite(value)
    return whole(default) if result is None else int(magnitude(int(result)))


def to_float(value: Any, default: Any = 0.0) -> float:
    result = _finite(value)
    return float(number(default)) if result is None else result


def _finite(value: Any) -> float | None:
    try:
        result = float(value if isinstance(value, int | float) else text(value).strip())
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def rounded(value: Any, precision: Any = 0) -> float:
    digits = whole(precision)
    if not 0 <= digits <= 15:
        raise RuleBroken("round takes 0 to 15 digits")
    return round(float(number(value)), digits)


def absolute(value: Any) -> Number:
    return abs(number(value))
