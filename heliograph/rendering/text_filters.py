"""Filters that make texts."""

import re
from typing import Any
from urllib.parse import quote

from jinja2.filters import do_truncate
from jinja2.utils import pass_environment

from heliograph.rendering.errors import RuleBroken
from heliograph.rendering.values import printed, room_for, room_for_items, text, whole, within


def upper(value: Any) -> str:
    return text(value).upper()


def lower(value: Any) -> str:
    return text(value).lower()


def capitalize(value: Any) -> str:
    return text(value).capitalize()


_WORD_BEGIN = re.compile(r"(^|[-\s({\[<])(\w)")


def title(value: Any) -> str:
    """Each word with a capital; what follows an apostrophe stays small, unlike Python's own."""
    return _WORD_BEGIN.sub(lambda match: match[1] + match[2].upper(), text(value).lower())


def trim(value: Any, characters: Any = None) -> str:
    return text(value).strip(None if characters is None else text(characters))


def trim_left(value: Any, characters: Any = None) -> str:
    return text(value).lstrip(None if characters is None else text(characters))


def trim_right(value: Any, characters: Any = None) -> str:
    return text(value).rstrip(None if characters is None else text(characters))


def replace(value: Any, old: Any, new: Any, count: Any = -1) -> str:
    source, old, new, count = text(value), text(old), text(new), whole(count)
    found = source.count(old) if count < 0 else min(count, source.count(old))
    room_for(len(source) + found * (len(new) - len(old)))
    return source.replace(old, new, count)


def split(value: Any, separator: Any = None, limit: Any = -1) -> list[str]:
    source, limit = text(value), whole(limit)
    found = source.split(None if separator is None else text(separator), limit)
    room_for_items(len(found))
    return found


def starts_with(value: Any, prefix: Any) -> bool:
    return text(value).startswith(text(prefix))


def ends_with(value: Any, suffix: Any) -> bool:
    return text(value).endswith(text(suffix))


@pass_environment
def truncate(environment: Any, value: Any, length: Any = 255, killwords: bool = False, end: Any = "...") -> str:
    room, ending = whole(length), text(end)
    if room < len(ending):
        raise RuleBroken("truncate needs a length at least as long as its ending")
    return do_truncate(environment, text(value), room, bool(killwords), ending, 0)


def url_encode(value: Any) -> str:
    """Percent-encodes a value for a link; the slash too, since the value is one part of it."""
    return within(quote(text(value), safe=""))


_PLACEHOLDER = re.compile(r"%(?:%|[-+ 0]{0,3}\d{0,2}(?:\.\d{1,2})?[sdifxX])")


def format_values(value: Any, *arguments: Any) -> str:
    """`'%.2f'|format(price|float)`: printf-style, widths and precisions of two digits, arguments by position."""
    pattern = text(value)
    if "%" in _PLACEHOLDER.sub("", pattern):
        raise RuleBroken("format takes %s, %d, %i, %f, %x and %%, with a width and a precision of up to two digits")
    room_for(len(pattern) + 100 * len(arguments))
    return within(pattern % tuple(a if isinstance(a, int | float) else text(a) for a in arguments))


def concatenate(*values: Any) -> str:
    """The operator `~`."""
    texts = [printed(value) for value in values]
    room_for(sum(map(len, texts)))
    return "".join(texts)
