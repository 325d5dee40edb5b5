"""The filters a template may use, and nothing else (listed for people in `docs/templates.md`).

They are our own, not Jinja's: each checks kind and size before it makes anything. The names that begin with a dot
cannot be written in a template: `language.py` puts them where methods, `range`, `~` and loops stood.
"""

from collections.abc import Callable
from typing import Any, Final

from jinja2 import Undefined

from heliograph.rendering import list_filters, number_filters, text_filters
from heliograph.rendering.values import text


def _default(value: Any, fallback: Any = "", blank_too: bool = False) -> Any:
    """The fallback where there is no value. A blank variable is no value here, so `blank_too` is rarely needed."""
    return fallback if isinstance(value, Undefined) or value is None or (blank_too and not value) else value


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "abs": number_filters.absolute,
    "capitalize": text_filters.capitalize,
    "count": list_filters.length,
    "d": _default,
    "default": _default,
    "first": list_filters.first,
    "float": number_filters.to_float,
    "format": text_filters.format_values,
    "int": number_filters.to_int,
    "join": list_filters.join,
    "last": list_filters.last,
    "length": list_filters.length,
    "lower": text_filters.lower,
    "max": list_filters.greatest,
    "min": list_filters.least,
    "replace": text_filters.replace,
    "reverse": list_filters.reversed_,
    "round": number_filters.rounded,
    "sort": list_filters.ordered,
    "split": text_filters.split,
    "string": text,
    "sum": list_filters.total,
    "title": text_filters.title,
    "trim": text_filters.trim,
    "truncate": text_filters.truncate,
    "unique": list_filters.unique,
    "upper": text_filters.upper,
    "urlencode": text_filters.url_encode,
}
"""What may stand behind a `|`."""

METHODS: Final[dict[str, Callable[..., Any]]] = {
    "capitalize": text_filters.capitalize,
    "endswith": text_filters.ends_with,
    "get": list_filters.get,
    "items": list_filters.pairs,
    "keys": list_filters.keys,
    "lower": text_filters.lower,
    "lstrip": text_filters.trim_left,
    "replace": text_filters.replace,
    "rstrip": text_filters.trim_right,
    "split": text_filters.split,
    "startswith": text_filters.starts_with,
    "strip": text_filters.trim,
    "title": text_filters.title,
    "upper": text_filters.upper,
    "values": list_filters.values,
}
"""What may be called on a value: `name.upper()`. They are filters underneath; no method of an object is ever called."""

RANGE: Final = list_filters.numbers_in
CONCATENATE: Final = text_filters.concatenate
