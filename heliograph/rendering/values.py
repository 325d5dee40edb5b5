"""The checks that every operator and filter puts its values through: kind and size, before anything is made."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from jinja2 import Undefined

from heliograph.rendering.errors import LimitExceeded, RuleBroken
from heliograph.rendering.limits import MAX_ITEMS, MAX_NUMBER, MAX_TEXT

Number: TypeAlias = int | float


def kind(value: object) -> str:
    """What a marketer would call it; never the value itself."""
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return "nothing" if value is None else "no value"


def _fail(value: object, expected: str) -> NoReturn:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()  # names the variable
    raise RuleBroken(f"{expected} is needed here, not {kind(value)}")


def printed(value: Any) -> str:
    """The text of a value in the message: texts, numbers, true and false; nothing for null. No lists, no objects."""
    if type(value) is str:
        return value
    if isinstance(value, str | bool | int | float | Undefined):
        return str(value)
    if value is None:
        return ""
    raise RuleBroken(f"{kind(value)} cannot be printed: choose an item, or use the filter join")


def text(value: Any) -> str:
    """A text within the limit, of anything that can be printed."""
    return within(printed(value))


def within(value: str) -> str:
    """`value`, if it is within the limit."""
    room_for(len(value))
    return value


def room_for(length: int) -> None:
    """Refuses a text of `length` characters before it is made."""
    if length > MAX_TEXT:
        raise LimitExceeded(f"a text would be longer than {MAX_TEXT:,} characters")


def number(value: Any) -> Number:
    """A number within the limit."""
    if isinstance(value, int | float):
        return magnitude(value)
    _fail(value, "a number (the filters int and float make one of a text)")


def magnitude(value: Number) -> Number:
    """`value`, if it is within the limit."""
    if isinstance(value, int) and not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise LimitExceeded(f"a number would be beyond {MAX_NUMBER:.0e}")
    return value


def whole(value: Any) -> int:
    """A whole number within the limit."""
    if isinstance(value, int):
        return int(magnitude(value))
    _fail(value, "a whole number")


def items(value: Any) -> Sequence[Any]:
    """The items of a list, or the names of an object, within the limit. A text is no list: `split` makes one."""
    if isinstance(value, Mapping):
        value = list(value)
    if isinstance(value, Undefined):
        value = list(value)
    if not isinstance(value, list | tuple):
        _fail(value, "a list (the filter split makes one of a text)")
    room_for_items(len(value))
    return value


def room_for_items(count: int) -> None:
    """Refuses a list of `count` items before it is made."""
    if count > MAX_ITEMS:
        raise LimitExceeded(f"a list or a loop may have {MAX_ITEMS:,} items, not more")


def shallow(value: Any) -> Any:
    """`value`, if it is no list of lists of lists.

    Kept without this rule, `{% set x = [x, x] %}` doubles what a comparison has to walk with each line.
    """
    if not isinstance(value, list | tuple | Mapping):
        return value
    inner = value.values() if isinstance(value, Mapping) else value
    if any(isinstance(item, list | tuple | Mapping) for item in inner):
        raise RuleBroken("a list of lists cannot be kept in a variable")
    return value
