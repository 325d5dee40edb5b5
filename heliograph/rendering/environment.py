"""The sandbox in which templates run: Jinja's immutable one, without a loader, globals, attributes or its filters.

`language.py` has already refused everything that could run without an end; here stand the operators and look-ups that
check what only the run knows. Time is bounded by counting, not by a clock: a thread cannot stop another that computes.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from jinja2 import Undefined
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from heliograph.rendering import language
from heliograph.rendering.errors import LimitExceeded, RuleBroken, VariableMissing
from heliograph.rendering.filters import CONCATENATE, FILTERS, METHODS, RANGE
from heliograph.rendering.limits import MAX_STEPS
from heliograph.rendering.values import items, magnitude, number, printed, room_for, room_for_items, shallow

_LOOP_ATTRIBUTES: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


class Required(Undefined):
    """A variable that is not there, under the policy `refuse`: may be asked about, not used."""

    __slots__ = ()

    def _fail_with_undefined_error(self, *_: Any, **__: Any) -> NoReturn:
        raise VariableMissing(str(self._undefined_name))

    __str__ = __iter__ = __len__ = __contains__ = _fail_with_undefined_error
    __neg__ = __pos__ = __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = _fail_with_undefined_error


class RenderContext(Context):
    """The variables of one rendering, and what it may still cost."""

    steps_left: int = MAX_STEPS

    def charge(self, rounds: int, steps: int) -> None:
        """Takes a loop's whole cost before it begins."""
        self.steps_left -= rounds * steps
        if self.steps_left < 0:
            raise LimitExceeded(f"the loops would take more than {MAX_STEPS:,} steps")


@pass_context
def _loop(context: RenderContext, value: Any, steps: int) -> list[Any]:
    """What a `for` walks: a list within the limit, charged in advance."""
    found = items(value)
    context.charge(len(found), steps)
    return [shallow(item) for item in found]


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja for message texts. Autoescape is off: an SMS is no HTML."""

    intercepted_binops = frozenset(_ARITHMETIC)
    context_class = RenderContext

    def __init__(self, undefined: type[Undefined]) -> None:
        super().__init__(autoescape=False, undefined=undefined, finalize=printed, cache_size=0, optimized=False)
        self.globals = {}
        self.filters = {
            **FILTERS,
            **{language.METHOD_FILTER + name: function for name, function in METHODS.items()},
            language.RANGE_FILTER: RANGE,
            language.CONCATENATE_FILTER: CONCATENATE,
            language.LOOP_FILTER: _loop,
            language.KEEP_FILTER: shallow,
        }
        self.tests = {name: function for name, function in self.tests.items() if name in language.TESTS}

    def call_binop(self, _: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers; `+` also joins texts and lists, `*` also repeats a text."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            room_for(len(left) + len(right))
            return left + right
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            room_for_items(len(left) + len(right))
            return left + right
        if operator == "*" and isinstance(left, str) and isinstance(right, int):
            room_for(len(left) * right)
            return left * right
        return magnitude(_ARITHMETIC[operator](number(left), number(right)))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of an object, or what a loop tells. No attribute of a Python object is ever read."""
        if isinstance(obj, LoopContext):
            if attribute in _LOOP_ATTRIBUTES:
                return getattr(obj, attribute)
            raise RuleBroken(f"loop has no {attribute!r}")
        return self._item(obj, attribute, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of an object, a list or a text; no value where there is none.

        What is looked up may be a recipient's value, so it is never named; literal names have become attributes.
        """
        return self._item(obj, argument, "item")

    def _item(self, obj: Any, key: Any, name: str) -> Any:
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, Mapping | list | tuple | str):
            try:
                return obj[key]
            except (LookupError, TypeError):
                pass
        return self.undefined(name=name)

    def call(self, *_: Any, **__: Any) -> NoReturn:
        """Nothing can be called; `language.py` has left no call."""
        raise RuleBroken("nothing can be called in a template")
