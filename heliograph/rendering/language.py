"""What a template may say. The parsed template is walked once: what is not on a list here is refused, with its line.

What stays is rewritten so that nothing runs unwatched: method calls, `range` and `~` become filters of our own; what
a loop walks and what a variable keeps pass through a filter that checks it. No call, import, macro or block is left,
so the sandbox beneath is a second fence, not the only one.
"""

from typing import Final, NoReturn

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from heliograph.rendering.errors import TemplateInvalid
from heliograph.rendering.filters import FILTERS, METHODS
from heliograph.rendering.limits import MAX_DEPTH

METHOD_FILTER: Final = ".method "
RANGE_FILTER: Final = ".range"
CONCATENATE_FILTER: Final = ".concatenate"
LOOP_FILTER: Final = ".loop"
KEEP_FILTER: Final = ".keep"

TESTS: Final = frozenset(
    {"boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan", "gt", "in"}
    | {"integer", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sequence", "string"}
    | {"true", "undefined", "upper", "==", "!=", ">", ">=", "<", "<="}
)
"""What may stand behind `is`."""

ALLOWED: Final = frozenset(
    {nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign}
    | {nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword}
    | {nodes.CondExpr, nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand}
    | {nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat}
    | {nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call}
)

_WORDS: Final = {
    nodes.AssignBlock: "a set block",
    nodes.Block: "block",
    nodes.CallBlock: "call",
    nodes.Extends: "extends",
    nodes.FilterBlock: "a filter block",
    nodes.FromImport: "import",
    nodes.Import: "import",
    nodes.Include: "include",
    nodes.Macro: "macro",
    nodes.NSRef: "setting an attribute",
    nodes.Pow: "the operator **",
    nodes.Scope: "autoescape",
    nodes.With: "with",
}
_RESERVED: Final = frozenset({"self"})  # Jinja makes the template itself of it


def check(tree: nodes.Template) -> nodes.Template:
    """The tree, checked and rewritten. Raises `TemplateInvalid` at the first thing that is not allowed."""
    checked = _Checker().visit(tree)
    assert isinstance(checked, nodes.Template)
    return checked.set_environment(tree.environment)  # type: ignore[arg-type, return-value]


def _refuse(rule: str, node: nodes.Node) -> NoReturn:
    lines = (each.lineno for each in (node, *node.iter_child_nodes()) if each.lineno is not None)
    raise TemplateInvalid(rule, line=next(lines, None))


def _filter(name: str, subject: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(subject, name, list(arguments), [], None, None, lineno=subject.lineno)


def _size(node: nodes.Node) -> int:
    return 1 + sum(_size(child) for child in node.iter_child_nodes())


class _Checker(NodeTransformer):
    """Visits parents before children, so that what is refused is named as it was written."""

    def __init__(self) -> None:
        self._depth = 0

    def visit(self, node: nodes.Node, *args: object, **kwargs: object) -> nodes.Node:
        if type(node) not in ALLOWED:
            _refuse(f"{_WORDS.get(type(node), type(node).__name__.lower())} is not available in a template", node)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(f"nested more than {MAX_DEPTH} deep", node)
        visited = super().visit(node, *args, **kwargs)
        self._depth -= 1
        assert isinstance(visited, nodes.Node)
        return visited

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802 - Jinja's dispatch
        if node.name in _RESERVED or node.name.startswith("_"):
            _refuse(f"{node.name!r} cannot be the name of a variable", node)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        if node.attr.startswith("_"):
            _refuse(f"the attribute {node.attr!r} is not available", node)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """A literal name becomes an attribute, so that `contact["city"]` is `contact.city`, in its errors too."""
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self.visit_Getattr(nodes.Getattr(node.node, node.arg.value, node.ctx, lineno=node.lineno))
        return self.generic_visit(node)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        if node.dyn_args is not None or node.dyn_kwargs is not None or node.kwargs:
            _refuse("a call takes plain arguments only", node)
        if isinstance(node.node, nodes.Name) and node.node.name == "range" and node.args:
            return self.generic_visit(_filter(RANGE_FILTER, node.args[0], *node.args[1:]))
        if isinstance(node.node, nodes.Getattr) and node.node.attr in METHODS:
            return self.generic_visit(_filter(METHOD_FILTER + node.node.attr, node.node.node, *node.args))
        _refuse(f"only range and these methods can be called: {', '.join(sorted(METHODS))}", node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        return self.generic_visit(_filter(CONCATENATE_FILTER, *node.nodes))

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        if node.name not in FILTERS:
            _refuse(f"no filter named {node.name!r}; there are: {', '.join(sorted(FILTERS))}", node)
        return self._plain_arguments(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        if node.name not in TESTS:
            _refuse(f"no test named {node.name!r}", node)
        return self._plain_arguments(node)

    def _plain_arguments(self, node: nodes.Filter | nodes.Test) -> nodes.Node:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            _refuse(f"{node.name} takes plain arguments only", node)
        return self.generic_visit(node)

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:  # noqa: N802
        visited = self.generic_visit(node)
        assert isinstance(visited, nodes.Assign)
        assert isinstance(visited.node, nodes.Expr)
        visited.node = _filter(KEEP_FILTER, visited.node)
        return visited

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        if node.recursive:
            _refuse("a recursive loop is not available in a template", node)
        steps = nodes.Const(_size(node), lineno=node.lineno)
        visited = self.generic_visit(node)
        assert isinstance(visited, nodes.For)
        assert isinstance(visited.iter, nodes.Expr)
        visited.iter = _filter(LOOP_FILTER, visited.iter, steps)
        return visited
