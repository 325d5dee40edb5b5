"""The filters a template may use, and nothing else (listed for people in `docs/templates.md`).

They are our own, not Jinja's: each checks kind and size before it makes anything. The names that begin with a dot
cannot be written in a template: `language.py` puts them where methods, `range`, `~` and loops stood.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Undefined
from jinja2.filters import do_truncate
from jinja2.utils import pass_environment

from heliograph.rendering.errors import LimitExceeded, RuleBroken
from heliograph.rendering.limits import MAX_ITEMS
from heliograph.rendering.values import (
    Number,
    items,
    magnitude,
    number,
    printed,
    room_for,
    room_for_items,
    text,
    whole,
    within,
)

# -- texts


def _upper(value: Any) -> str:
    return text(value).upper()


def _lower(value: Any) -> str:
    return text(value).lower()


def _capitalize(value: Any) -> str:
    return text(value).capitalize()


_WORD_BEGIN = re.compile(r"(^|[-\s({\[<])(\w)")


def _title(value: Any) -> str:
    """Each word with a capital; what follows an apostrophe stays small, unlike Python's own."""
    return _WORD_BEGIN.sub(lambda match: match[1] + match[2].upper(), text(value).lower())


def _trim(value: Any, characters: Any = None) -> str:
    return text(value).strip(None if characters is None else text(characters))


def _trim_left(value: Any, characters: Any = None) -> str:
    return text(value).lstrip(None if characters is None else text(characters))


def _trim_right(value: Any, characters: Any = None) -> str:
    return text(value).rstrip(None if characters is None else text(characters))


def _replace(value: Any, old: Any, new: Any, count: Any = -1) -> str:
    source, old, new, count = text(value), text(old), text(new), whole(count)
    found = source.count(old) if count < 0 else min(count, source.count(old))
    room_for(len(source) + found * (len(new) - len(old)))
    return source.replace(old, new, count)


def _split(value: Any, separator: Any = None, limit: Any = -1) -> list[str]:
    source, limit = text(value), whole(limit)
    found = source.split(None if separator is None else text(separator), limit)
    room_for_items(len(found))
    return found


def _starts_with(value: Any, prefix: Any) -> bool:
    return text(value).startswith(text(prefix))


def _ends_with(value: Any, suffix: Any) -> bool:
    return text(value).endswith(text(suffix))


@pass_environment
def _truncate(environment: Any, value: Any, length: Any = 255, killwords: bool = False, end: Any = "...") -> str:
    room, ending = whole(length), text(end)
    if room < len(ending):
        raise RuleBroken("truncate needs a length at least as long as its ending")
    return do_truncate(environment, text(value), room, bool(killwords), ending, 0)


def _url_encode(value: Any) -> str:
    """Percent-encodes a value for a link; the slash too, since the value is one part of it."""
    return within(quote(text(value), safe=""))


_PLACEHOLDER = re.compile(r"%(?:%|[-+ 0]{0,3}\d{0,2}(?:\.\d{1,2})?[sdifxX])")


def _format(value: Any, *arguments: Any) -> str:
    """`'%.2f'|format(price|float)`: printf-style, widths and precisions of two digits, arguments by position."""
    pattern = text(value)
    if "%" in _PLACEHOLDER.sub("", pattern):
        raise RuleBroken("format takes %s, %d, %i, %f, %x and %%, with a width and a precision of up to two digits")
    room_for(len(pattern) + 100 * len(arguments))
    return within(pattern % tuple(a if isinstance(a, int | float) else text(a) for a in arguments))


def _concatenate(*values: Any) -> str:
    """The operator `~`."""
    texts = [printed(value) for value in values]
    room_for(sum(map(len, texts)))
    return "".join(texts)


def _string(value: Any) -> str:
    return text(value)


# -- numbers


def _int(value: Any, default: Any = 0) -> int:
    try:
        result = int(value if isinstance(value, int | float) else text(value).strip())
    except (ValueError, OverflowError):
        return _int_of_decimal(value, default)
    return int(magnitude(result))


def _int_of_decimal(value: Any, default: Any) -> int:
    """`"12.7"` is 12, as in Jinja; what is no number is the default."""
    result = _finite(value)
    return whole(default) if result is None else int(magnitude(int(result)))


def _float(value: Any, default: Any = 0.0) -> float:
    result = _finite(value)
    return float(number(default)) if result is None else result


def _finite(value: Any) -> float | None:
    try:
        result = float(value if isinstance(value, int | float) else text(value).strip())
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def _round(value: Any, precision: Any = 0) -> float:
    digits = whole(precision)
    if not 0 <= digits <= 15:
        raise RuleBroken("round takes 0 to 15 digits")
    return round(float(number(value)), digits)


def _absolute(value: Any) -> Number:
    return abs(number(value))


# -- lists


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(items(value))


def _join(value: Any, separator: Any = "") -> str:
    texts, between = [printed(item) for item in items(value)], text(separator)
    room_for(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _first(value: Any) -> Any:
    found = text(value) if isinstance(value, str) else items(value)
    return found[0] if found else None


def _last(value: Any) -> Any:
    found = text(value) if isinstance(value, str) else items(value)
    return found[-1] if found else None


def _sort(value: Any, reverse: bool = False) -> list[Any]:
    return sorted(items(value), reverse=bool(reverse))


def _unique(value: Any) -> list[Any]:
    return list(dict.fromkeys(items(value)))


def _reverse(value: Any) -> Any:
    return text(value)[::-1] if isinstance(value, str) else list(items(value))[::-1]


def _sum(value: Any) -> Number:
    return magnitude(sum(number(item) for item in items(value)))


def _least(value: Any) -> Any:
    return min(items(value), default=None)


def _greatest(value: Any) -> Any:
    return max(items(value), default=None)


def _range(first: Any, *rest: Any) -> Sequence[int]:
    """The function `range`: start, stop and step as in Python, as a list within the limit."""
    numbers = range(*(whole(bound) for bound in (first, *rest)))
    if len(numbers) > MAX_ITEMS:
        raise LimitExceeded(f"range would make {len(numbers):,} rounds: a loop may have {MAX_ITEMS:,}")
    return list(numbers)


# -- objects


def _mapping(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    raise RuleBroken("an object is needed here")


def _get(value: Any, name: Any, default: Any = None) -> Any:
    return _mapping(value).get(name, default)


def _keys(value: Any) -> list[Any]:
    return list(items(list(_mapping(value))))


def _values(value: Any) -> list[Any]:
    return list(items(list(_mapping(value).values())))


def _pairs(value: Any) -> list[Any]:
    return list(items(list(_mapping(value).items())))


# -- any


def _default(value: Any, fallback: Any = "", blank_too: bool = False) -> Any:
    """The fallback where there is no value. A blank variable is no value here, so `blank_too` is rarely needed."""
    return fallback if isinstance(value, Undefined) or value is None or (blank_too and not value) else value


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": _absolute,
    "capitalize": _capitalize,
    "count": _length,
    "d": _default,
    "default": _default,
    "first": _first,
    "float": _float,
    "format": _format,
    "int": _int,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": _lower,
    "max": _greatest,
    "min": _least,
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "sort": _sort,
    "split": _split,
    "string": _string,
    "sum": _sum,
    "title": _title,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _unique,
    "upper": _upper,
    "urlencode": _url_encode,
}
"""What may stand behind a `|`."""

METHODS: Final[dict[str, Callable[..., Any]]] = {
    "capitalize": _capitalize,
    "endswith": _ends_with,
    "get": _get,
    "items": _pairs,
    "keys": _keys,
    "lower": _lower,
    "lstrip": _trim_left,
    "replace": _replace,
    "rstrip": _trim_right,
    "split": _split,
    "startswith": _starts_with,
    "strip": _trim,
    "title": _title,
    "upper": _upper,
    "values": _values,
}
"""What may be called on a value: `name.upper()`. They are filters underneath; no method of an object is ever called."""

RANGE: Final = _range
CONCATENATE: Final = _concatenate
