"""Texts with placeholders, `{{ to }}` or `{{ body | upper }}`: the house's template language, expressions only.

What is the same for all messages is done once. A text of plain placeholders, which nearly all are, is joined without
entering Jinja; an expression is rendered in the house's sandbox, with its limits.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Undefined, nodes

from heliograph.domain.vocabulary import MissingVariable
from heliograph.providers.custom.escapes import ESCAPES, OF_VALUES, Place, Unwritable
from heliograph.rendering.environment import Sandbox
from heliograph.rendering.errors import MessageEmpty, TemplateInvalid, TemplateRefused
from heliograph.rendering.language import check
from heliograph.rendering.template import CompiledTemplate, compile_template

SECRETS: Final = "secrets"
"""`{{ secrets.name }}` is one of the credentials' named secrets."""

_SANDBOX: Final = Sandbox(Undefined)
_NUMERIC: Final = frozenset({"abs", "count", "float", "int", "length", "round"})


class TemplateBroken(Exception):
    """A template that cannot be used; `rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class _Hole:
    """What a placeholder becomes: the value of a name, or of an expression."""

    name: str
    expression: CompiledTemplate | None
    escape: Callable[[str], str]

    def fill(self, values: Mapping[str, str]) -> str:
        if self.expression is None:
            return self.escape(values[self.name])
        try:
            return self.escape(self.expression.render(values).body)
        except MessageEmpty:
            return ""
        except TemplateRefused as refused:
            raise Unwritable(refused.errors[0].rule) from refused


Piece = str | _Hole


@dataclass(frozen=True, slots=True)
class Template:
    """A text with its placeholders: pieces to be joined, made by `compile_text` or `joined`."""

    pieces: tuple[Piece, ...]
    names: frozenset[str]  # placeholders and secrets that it asks for
    is_number: bool = False  # one expression that gives a number

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets in it."""
        prefix = f"{SECRETS}."
        return frozenset(name.removeprefix(prefix) for name in self.names if name.startswith(prefix))

    def render(self, values: Mapping[str, str]) -> str:
        """The text; `Unwritable` for a value that cannot stand in its place."""
        return "".join([piece if isinstance(piece, str) else piece.fill(values) for piece in self.pieces])

    def bound(self, values: Mapping[str, str]) -> "Template":
        """The same with these values filled in for good."""
        pieces = [
            piece.fill(values) if isinstance(piece, _Hole) and piece.name in values else piece for piece in self.pieces
        ]
        return Template(tuple(_merged(pieces)), self.names - values.keys(), self.is_number)


def joined(parts: Sequence[Template | str]) -> Template:
    """One template of several, in a row."""
    pieces = [piece for part in parts for piece in ([part] if isinstance(part, str) else part.pieces)]
    names = frozenset().union(*(part.names for part in parts if isinstance(part, Template)))
    return Template(tuple(_merged(pieces)), names)


def compile_text(source: str, place: Place, known: Collection[str]) -> Template:
    """A template whose placeholders are among `known`; `TemplateBroken` naming the rule."""
    if not source.strip():
        return joined([source])
    escape = ESCAPES[place]
    pieces: list[Piece] = []
    names: set[str] = set()
    found = list(_nodes(source))
    for node in found:
        if isinstance(node, nodes.TemplateData):
            pieces.append(_literal(node.data, place))
            continue
        asked = _names(node, known)
        names |= asked
        plain = isinstance(node, nodes.Name | nodes.Getattr)
        expression = None if plain else _compiled(node)
        pieces.append(_Hole(next(iter(asked)) if plain else "", expression, escape))
    is_number = len(found) == 1 and isinstance(found[0], nodes.Filter) and found[0].name in _NUMERIC
    return Template(tuple(_merged(pieces)), frozenset(names), is_number)


def _nodes(source: str) -> Iterator[nodes.Expr]:
    try:
        compile_template(source)
    except TemplateInvalid as invalid:
        raise TemplateBroken(invalid.errors[0].rule) from invalid
    for statement in check(_SANDBOX.parse(source)).body:
        if isinstance(statement, nodes.For):
            raise TemplateBroken("a loop has no place in a request: only {{ placeholders }} have")
        if not isinstance(statement, nodes.Output):
            raise TemplateBroken("a {% statement %} has no place in a request: only {{ placeholders }} have")
        yield from statement.nodes


def _names(node: nodes.Expr, known: Collection[str]) -> set[str]:
    """The placeholders an expression asks for, a secret as `secrets.name`."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == SECRETS:
        return {f"{SECRETS}.{node.attr}"}
    found = {each.name for each in (node, *node.find_all(nodes.Name)) if isinstance(each, nodes.Name)}
    if SECRETS in found:
        raise TemplateBroken("a secret stands alone, as {{ secrets.name }}: else it could not be hidden")
    unknown = sorted(found.difference(known))
    if unknown:
        there_are = ", ".join(sorted(known))
        raise TemplateBroken(f"there is no placeholder {unknown[0]!r}; there are: {there_are}, secrets.…")
    if isinstance(node, nodes.Getattr):
        raise TemplateBroken(f"a placeholder is a text: it has no {node.attr!r}")
    return found


def _compiled(node: nodes.Expr) -> CompiledTemplate:
    tree = nodes.Template([nodes.Output([node], lineno=node.lineno)], lineno=node.lineno)
    tree.set_environment(_SANDBOX)
    try:
        return CompiledTemplate(tree, {}, MissingVariable.FALLBACK, smart_encoding=False)
    except MessageEmpty as empty:
        raise TemplateBroken("an expression without a value has no place in a request") from empty


def _literal(text: str, place: Place) -> str:
    if place not in OF_VALUES:
        return text
    try:
        return ESCAPES[place](text)
    except Unwritable as unwritable:
        raise TemplateBroken(unwritable.rule) from unwritable


def _merged(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Texts that follow each other as one."""
    text = ""
    for piece in pieces:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            yield text
        text = ""
        yield piece
    if text:
        yield text
