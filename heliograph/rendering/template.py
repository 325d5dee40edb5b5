"""From a template's body to the message of one recipient.

`compile_template` does all that is the same for everybody, once per version; `CompiledTemplate.render` does the rest,
once per message. A body of plain text and `{{ names }}`, which is nearly every SMS, is joined without entering Jinja.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple

from jinja2 import Template, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes

from heliograph.domain.message_parts import Parts, count_parts
from heliograph.domain.smart_encoding import smart_encode
from heliograph.domain.vocabulary import MissingVariable
from heliograph.errors import FieldError, InvalidInput
from heliograph.rendering.environment import RenderContext, Required, Sandbox
from heliograph.rendering.errors import (
    LimitExceeded,
    LimitReached,
    MessageEmpty,
    MessageTooLong,
    RuleBroken,
    TemplateFailed,
    TemplateInvalid,
    TemplateRefused,
    VariableMissing,
)
from heliograph.rendering.language import check
from heliograph.rendering.limits import MAX_FALLBACK, MAX_OUTPUT, MAX_SOURCE
from heliograph.rendering.values import printed

__all__ = ["CompiledTemplate", "Rendered", "TemplateRefused", "compile_template", "rehearse"]

_FILE_NAME: Final = "<template>"
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_SANDBOXES: Final = {MissingVariable.REFUSE: Sandbox(Required), MissingVariable.FALLBACK: Sandbox(Undefined)}


class Rendered(NamedTuple):
    """One recipient's message, ready to send."""

    body: str
    parts: Parts


@dataclass(frozen=True, slots=True)
class _Plain:
    """A body of literals and names: `pieces` with a hole for each (index, name)."""

    pieces: tuple[str, ...]
    holes: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, tree: nodes.Template) -> "_Plain | None":
        """The plain form of a checked tree; None where it needs more than names."""
        pieces: list[str] = []
        holes: list[tuple[int, str]] = []
        for statement in tree.body:
            if not isinstance(statement, nodes.Output):
                return None
            for node in statement.nodes:
                if isinstance(node, nodes.TemplateData):
                    pieces.append(node.data)
                elif isinstance(node, nodes.Name):
                    holes.append((len(pieces), node.name))
                    pieces.append("")
                else:
                    return None
        return cls(tuple(pieces), tuple(holes))


class CompiledTemplate:
    """One version of a template, ready to be rendered for any number of recipients. Safe to share between threads.

    `variables` are the names that the body asks for, sorted.
    """

    __slots__ = ("_constant", "_fallbacks", "_plain", "_refuses", "_smart", "_template", "variables")

    def __init__(
        self,
        tree: nodes.Template,
        fallbacks: Mapping[str, str],
        missing_variable: MissingVariable,
        smart_encoding: bool,
    ) -> None:
        self.variables: tuple[str, ...] = tuple(sorted(meta.find_undeclared_variables(tree)))
        self._refuses = missing_variable is MissingVariable.REFUSE
        self._fallbacks = {} if self._refuses else {name: value for name, value in fallbacks.items() if value}
        self._smart = smart_encoding
        self._plain = _Plain.of(tree)
        self._template = _template_of(tree, _SANDBOXES[missing_variable])
        self._constant: Rendered | None = None
        if self._plain is not None and not self._plain.holes:
            self._constant = self._finish("".join(self._plain.pieces))

    def render(self, variables: Mapping[str, Any]) -> Rendered:
        """The message of the recipient with these variables. Raises `TemplateRefused`, and nothing else.

        A variable that is absent, null, empty or blank is missing.
        """
        if self._constant is not None:
            return self._constant
        if self._plain is not None:
            return self._finish(self._fill(self._plain, variables))
        return self._finish(self._run(variables))

    def missing(self, variables: Mapping[str, Any]) -> list[str]:
        """The names that the body asks for and these variables lack, whatever the policy makes of it."""
        return [name for name in self.variables if _is_missing(variables.get(name))]

    def _fill(self, plain: _Plain, variables: Mapping[str, Any]) -> str:
        pieces = list(plain.pieces)
        for index, name in plain.holes:
            value = variables.get(name)
            if type(value) is str and value and not value.isspace():
                pieces[index] = value
            else:
                pieces[index] = self._substitute(name, value)
        return "".join(pieces)

    def _substitute(self, name: str, value: Any) -> str:
        if not _is_missing(value):
            try:
                return printed(value)
            except RuleBroken as broken:
                raise TemplateFailed(f"{name}: {broken.rule}") from broken
        if self._refuses:
            raise VariableMissing(name)
        return self._fallbacks.get(name, "")

    def _run(self, variables: Mapping[str, Any]) -> str:
        values: dict[str, Any] = dict(self._fallbacks)
        for name in self.variables:
            value = variables.get(name)
            if not _is_missing(value):
                values[name] = value
        template = self._template
        context = RenderContext(template.environment, values, None, {})
        pieces: list[str] = []
        length = 0
        try:
            for piece in template.root_render_func(context):
                pieces.append(piece)
                length += len(piece)
                if length > MAX_OUTPUT:
                    raise MessageTooLong
        except TemplateRefused:
            raise
        except Exception as error:  # a template is foreign code: whatever it raises is its author's
            raise _failure(error, template) from error
        return "".join(pieces)

    def _finish(self, body: str) -> Rendered:
        if len(body) > MAX_OUTPUT:
            raise MessageTooLong
        if not body or body.isspace():
            raise MessageEmpty
        if self._smart:
            body = smart_encode(body)
        return Rendered(body, count_parts(body))


def compile_template(
    body: str,
    fallbacks: Mapping[str, str] | None = None,
    missing_variable: MissingVariable = MissingVariable.REFUSE,
    smart_encoding: bool = False,
) -> CompiledTemplate:
    """Checks and compiles a body. Raises `InvalidInput` that names the field, the line and the rule.

    A fallback is used under the policy `fallback` only.
    """
    fallbacks = fallbacks or {}
    compiled = _compiled(body, fallbacks, missing_variable, smart_encoding)
    _check_fallbacks(fallbacks, compiled.variables)
    return compiled


def rehearse(compiled: CompiledTemplate) -> None:
    """Renders for nobody, to refuse a template that meets a limit already then: an endless loop, a huge text.

    Other errors prove nothing without real variables.
    """
    try:
        compiled.render(dict.fromkeys(compiled.variables, "1"))
    except (LimitReached, MessageTooLong) as reached:
        raise TemplateInvalid(reached.errors[0].rule) from reached
    except TemplateRefused:
        return


def _compiled(
    body: str, fallbacks: Mapping[str, str], missing_variable: MissingVariable, smart_encoding: bool
) -> CompiledTemplate:
    _check_source(body)
    try:
        tree = check(_SANDBOXES[missing_variable].parse(body))
        return CompiledTemplate(tree, fallbacks, missing_variable, smart_encoding)
    except TemplateInvalid:
        raise
    except TemplateSyntaxError as error:
        raise TemplateInvalid(error.message or "syntax error", line=error.lineno) from error
    except (MessageEmpty, MessageTooLong) as error:
        raise TemplateInvalid(error.errors[0].rule) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise TemplateInvalid("nested too deep") from error
    except Exception as error:  # foreign code again: Jinja computes with constants while it compiles
        raise TemplateInvalid(f"a constant in it cannot be computed ({type(error).__name__})") from error


def _check_source(body: str) -> None:
    if not body.strip():
        raise TemplateInvalid("is empty")
    if len(body) > MAX_SOURCE:
        raise TemplateInvalid(f"has {len(body):,} characters; a template may have {MAX_SOURCE:,}")
    if _UNSTORABLE.search(body):
        raise TemplateInvalid("holds a NUL character or half of a surrogate pair, which no text may hold")


def _check_fallbacks(fallbacks: Mapping[str, str], variables: tuple[str, ...]) -> None:
    errors = []
    for name, value in fallbacks.items():
        if name not in variables:
            known = ", ".join(variables) or "none"
            errors.append(FieldError(f"fallbacks.{name}", f"the body has no such variable; it has: {known}", "unknown"))
        elif len(value) > MAX_FALLBACK:
            errors.append(FieldError(f"fallbacks.{name}", f"may have {MAX_FALLBACK:,} characters", "too_long"))
        elif _UNSTORABLE.search(value):
            errors.append(FieldError(f"fallbacks.{name}", "holds a character that no text may hold", "unstorable"))
    if errors:
        raise InvalidInput("; ".join(f"{error.field}: {error.rule}" for error in errors), errors=errors)


def _template_of(tree: nodes.Template, sandbox: Sandbox) -> Template:
    code = sandbox.compile(tree, filename=_FILE_NAME)
    return Template.from_code(sandbox, code, {})


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def _failure(error: Exception, template: Template) -> TemplateFailed:
    """What went wrong, in words without values: the texts of Python's own errors may quote a recipient's data."""
    line = _line_of(error.__traceback__, template)
    if isinstance(error, LimitExceeded):
        return LimitReached(error.rule, line=line)
    if isinstance(error, RuleBroken):
        return TemplateFailed(error.rule, line=line)
    if isinstance(error, UndefinedError):
        return TemplateFailed(error.message or "a variable is missing", line=line)
    if isinstance(error, ZeroDivisionError):
        return TemplateFailed("division by zero", line=line)
    if isinstance(error, TypeError):
        return TemplateFailed("these values cannot be used together in this way", line=line)
    return TemplateFailed(f"cannot be rendered ({type(error).__name__})", line=line)


def _line_of(traceback: TracebackType | None, template: Template) -> int | None:
    line = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE_NAME:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line
