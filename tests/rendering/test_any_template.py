"""Whatever an author writes and whatever a recipient's row holds: a message, or a refusal by name. Nothing else."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.domain.message_parts import count_parts
from heliograph.domain.vocabulary import MissingVariable
from heliograph.rendering import TemplateInvalid, TemplateRefused, compile_template
from heliograph.rendering.filters import FILTERS, METHODS

NAMES = st.sampled_from(["a", "b", "missing", "loop", "range", "self"])
SCALARS = st.one_of(NAMES, st.integers(-9, 10**6).map(str), st.text("abz’ ", max_size=5).map(repr))
OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "==", "<", "in", "and", "or", "is", "**", "|"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("{} | {}".format, inner, st.sampled_from(sorted(FILTERS))),
        st.builds("{} | {}({})".format, inner, st.sampled_from(sorted(FILTERS)), inner),
        st.builds("{}.{}({})".format, NAMES, st.sampled_from(sorted(METHODS)), inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("{}[{}]".format, NAMES, inner),
        st.builds("{}[{}:]".format, NAMES, inner),
        st.builds("range({})".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    )


EXPRESSIONS = st.recursive(SCALARS, _larger, max_leaves=6)
PIECES = st.one_of(
    st.text("Hi {}%#’ж\n", max_size=6),
    st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
    st.builds("{{% if {} %}}x{{% endif %}}".format, EXPRESSIONS),
    st.builds("{{% set a = {} %}}".format, EXPRESSIONS),
    st.builds("{{% for b in {} %}}{{{{ b }}}}{{% endfor %}}".format, EXPRESSIONS),
)
BODIES = st.lists(PIECES, min_size=1, max_size=4).map("".join)
VALUES = st.one_of(st.none(), st.text(max_size=20), st.integers(), st.floats(), st.booleans())
NESTED = st.one_of(VALUES, st.lists(VALUES), st.dictionaries(st.text(), VALUES))
VARIABLES = st.dictionaries(
    st.sampled_from(["a", "b"]), st.one_of(VALUES, st.lists(VALUES), st.dictionaries(st.text(), VALUES))
)


@settings(max_examples=600, deadline=None)
@given(BODIES, VARIABLES, st.sampled_from(MissingVariable), st.booleans())
def test_it_is_a_message_or_a_refusal(
    body: str, variables: dict[str, Any], policy: MissingVariable, smart_encoding: bool
) -> None:
    try:
        rendered = compile_template(body, None, policy, smart_encoding).render(variables)
    except (TemplateInvalid, TemplateRefused) as refusal:
        assert refusal.errors  # noqa: PT017 - both ways are right
    else:
        assert rendered.parts == count_parts(rendered.body)
        assert rendered.body.strip()
