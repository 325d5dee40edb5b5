"""What a template must not do: run without an end, eat the memory, reach out of the sandbox."""

import pytest

from heliograph.domain.vocabulary import MissingVariable
from heliograph.rendering import LimitReached, TemplateInvalid, TemplateRefused, compile_template, rehearse

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''['__cla' ~ 'ss__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ [''] | map(attribute='__class__') | list }}",
    "{{ [].__class__.__base__.__subclasses__() }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ name.__init__.__globals__ }}",
    "{{ name.upper.__self__ }}",
    "{{ name.format.__globals__ }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{0.__class__.__mro__}'.format_map({'0': name}) }}",
    "{{ ('{0.__class__}' | format)(name) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(name) }}",
    "{{ ''.join.__call__ }}",
    "{% for c in ().__class__.__base__.__subclasses__() %}{{ c }}{% endfor %}",
    "{% for i in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for i in [1] %}{{ loop._iterator }}{% endfor %}",
    "{% for i in [1] %}{{ loop['__init__'] }}{% endfor %}",
    "{% macro m() %}{{ m.__globals__ }}{% endmacro %}{{ m() }}",
    "{% set x = namespace() %}{% set x.a = 1 %}",
    "{{ range.__self__ }}",
    "{{ range(1).__class__ }}",
    "{{ dict(a=1).__class__ }}",
    "{{ _ }}",
    "{{ __builtins__ }}",
    "{{ environment.loader }}",
    "{{ context.environment }}",
    "{{ caller() }}",
    "{{ super() }}",
]

NOT_AVAILABLE = [
    "{% include 'other' %}",
    "{% import 'other' as other %}",
    "{% from 'other' import thing %}",
    "{% extends 'base' %}",
    "{% block a %}x{% endblock %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call m() %}x{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x %}a{% endset %}{{ x }}",
    "{% with a = 1 %}{{ a }}{% endwith %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{{ 2 ** 3 }}",
    "{{ 'a' | center(5) }}",
    "{{ name.encode() }}",
    "{{ name(1) }}",
    "{{ range(*[1]) }}",
    "{{ name is callable }}",
    "{% debug %}",
]

BOMBS = [
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
    "{% for i in range(1000) %}{% if i == 1 %}{% endif %}" + "{{ '' }}" * 500 + "{% endfor %}",
    "{% for i in [1, 2] * 1000000000 %}x{% endfor %}",
    "{{ 'a' * 1000000000 }}",
    "{{ 'a' * 100 * 100 * 100 * 100 * 100 }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '%*d' | format(1000000000, 1) }}",
    "{{ '%.1000000000f' | format(1) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 999999999 * 499999999 * 499999999 }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ 1 | round(1000000000) }}",
    "{{ range(1000000000) | sum }}",
    "{{ range(10, 10 ** 30) | list }}",
    "{{ range(10, 100000000000000000000000000000) | length }}",
    "{{ ('a' * 4999).replace('', 'b' * 4999) }}",
    "{{ ('a' * 4999).split('a') | join('b' * 4999) }}",
    "{{ ('a,' * 2499).split(',') | join('b' * 4999) }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 400 + "{{ x }}",
    "{% set x = 'aaaaaaaaaa' %}" + "{% set x = x + x %}" * 400 + "{{ x }}",
    "{% set x = [1] %}" + "{% set x = x + x %}" * 400 + "{{ x | length }}",
    "{% set x = [1] %}" + "{% set x = [x, x] %}" * 400 + "{{ x == x }}",
    "{% set x = {'a': 1} %}" + "{% set x = {'a': x, 'b': x} %}" * 200 + "{{ x == x }}",
    "".join("{% for x in [[x, x, x, x]] %}" for _ in range(15)) + "{{ x == x }}" + "{% endfor %}" * 15,
    "".join(f"{{% for x{i} in range(2) %}}" for i in range(30)) + "x" + "{% endfor %}" * 30,
    "{% for i in range(999) %}" + "{{ 'a' * 4500 }}" + "{% endfor %}",
    "{% for i in range(999) %}aaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ " + "-" * 3000 + "1 }}",
    "{{ " + "1+" * 3000 + "1 }}",
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{% if 1 %}" * 500 + "x" + "{% endif %}" * 500,
    "{{ name" + " | upper" * 1000 + " }}",
    "{{ name" + ".a" * 3000 + " }}",
]


def outcome(body: str, policy: MissingVariable) -> str:
    """What comes of saving and rendering it: the message, or the code of the refusal, which names a rule."""
    try:
        compiled = compile_template(body, missing_variable=policy)
        rehearse(compiled)
        return compiled.render({"name": "Anna", "x": "y"}).body
    except (TemplateInvalid, TemplateRefused) as refusal:
        return refusal.code if refusal.errors[0].rule else "no rule"


@pytest.mark.parametrize("policy", MissingVariable)
@pytest.mark.parametrize("body", ESCAPES)
def test_nothing_leads_out_of_the_sandbox(body: str, policy: MissingVariable) -> None:
    assert outcome("x" + body, policy) in {"x", "invalid_template", "template_error", "missing_variable"}


@pytest.mark.parametrize("body", NOT_AVAILABLE)
def test_what_a_message_does_not_need_is_refused_with_its_line(body: str) -> None:
    with pytest.raises(TemplateInvalid, match=r"^body: line 2: ") as caught:
        compile_template("first line\n" + body)
    assert caught.value.errors[0].field == "body"


@pytest.mark.timeout(20)
@pytest.mark.parametrize("policy", MissingVariable)
@pytest.mark.parametrize("body", BOMBS)
def test_a_bomb_is_refused_when_it_is_saved(body: str, policy: MissingVariable) -> None:
    assert outcome(body, policy) in {"invalid_template", "template_error"}


def test_an_endless_loop_names_its_line_and_the_limit() -> None:
    compiled = compile_template("Hi\n{% for i in range(1000000000) %}x{% endfor %}")
    with pytest.raises(LimitReached, match=r"body: line 2: range would make 1,000,000,000 rounds"):
        compiled.render({})
    with pytest.raises(TemplateInvalid, match="line 2"):
        rehearse(compiled)


def test_a_loop_that_only_one_recipient_makes_huge_refuses_that_recipient() -> None:
    compiled = compile_template("{% for i in range(rounds | int) %}x{% endfor %}")
    rehearse(compiled)
    assert compiled.render({"rounds": "3"}).body == "xxx"
    with pytest.raises(LimitReached):
        compiled.render({"rounds": "1000000"})


def test_one_rendering_does_not_pay_for_the_next() -> None:
    compiled = compile_template("{% for i in range(500) %}{% if i == n %}x{% endif %}{% endfor %}")
    assert {compiled.render({"n": n}).body for n in [5] * 20} == {"x"}


def test_a_recipients_value_is_never_a_template() -> None:
    compiled = compile_template("Hi {{ name }} {{ name | upper }}")
    assert compiled.render({"name": "{{ 1 + 1 }}"}).body == "Hi {{ 1 + 1 }} {{ 1 + 1 }}"
