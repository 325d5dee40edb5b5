"""From a body and a recipient's variables to a message, or to a refusal that names the rule."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.message_parts import Encoding
from heliograph.domain.vocabulary import MissingVariable
from heliograph.errors import InvalidInput, Rejected
from heliograph.rendering import (
    MessageEmpty,
    MessageTooLong,
    TemplateFailed,
    TemplateInvalid,
    VariableMissing,
    compile_template,
)

REFUSE, FALLBACK = MissingVariable.REFUSE, MissingVariable.FALLBACK
MISSING_VALUES = [None, "", " ", "\n\t"]


def message(body: str, policy: MissingVariable = REFUSE, **variables: Any) -> str:
    return compile_template(body, missing_variable=policy).render(variables).body


def test_a_static_body_is_the_same_message_for_everybody() -> None:
    compiled = compile_template("Hello!")
    assert compiled.render({"name": "Anna"}) is compiled.render({})
    assert compiled.variables == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Hi {{ name }}!", "Hi Anna!"),
        ("{{name}}{{ name }}", "AnnaAnna"),
        ("{# a note #}Hi {{ name }}", "Hi Anna"),
        ("{% raw %}{{ name }}{% endraw %}", "{{ name }}"),
        ("Hi {{ name }}\n", "Hi Anna"),
        ("Hi\r\n{{ name }}", "Hi\nAnna"),
        ("{{ city }} {{ name }}", "Київ 😀 Anna"),
        ("{{ name | upper }} {{ name.lower() }}", "ANNA anna"),
        ("{{ 'o\\'neil jean-luc' | title }}", "O'neil Jean-Luc"),
        ("{{ points | int + 5 }} {{ points + '5' }}", "47 425"),
        ("{{ '%.2f' | format(price | float) }} €", "9.90 €"),
        ("{{ price | float | round(1) }} {{ '-' * 3 }}", "9.9 ---"),
        ("{{ 7 // 2 }} {{ 7 % 4 }} {{ 7 / 2 }} {{ -3 | abs }}", "3 3 3.5 3"),
        ("{% if points | int > 40 %}gold{% else %}blue{% endif %}", "gold"),
        ("{{ 'Sie' if country == 'DE' else 'you' }}", "Sie"),
        ("{{ {'DE': 'Hallo', 'FR': 'Bonjour'}[country] }}", "Hallo"),
        ("{{ {'FR': 'Bonjour'}.get(country, 'Hello') }}", "Hello"),
        ("{% for item in items.split(',') %}{{ loop.index }}.{{ item | trim }} {% endfor %}", "1.milk 2.eggs "),
        ("{% for k, v in [('a', name), ('b', city)] if k == 'a' %}{{ k }}={{ v }}{% else %}none{% endfor %}", "a=Anna"),
        ("{% set first = name[0] %}{{ first ~ '.' ~ 1 }}", "A.1"),
        ("{{ items | split(',') | sort | join('/') }}", " eggs/milk"),
        ("{{ name[:2] }}{{ name[-1] }} {{ name | length }}", "Ana 4"),
        (
            "{{ 'https://x.example/?q=' ~ (city | urlencode) }}",
            "https://x.example/?q=%D0%9A%D0%B8%D1%97%D0%B2%20%F0%9F%98%80",
        ),
        ("{{ contact.city.name }} {{ contact['zip'] }}", "Oslo 0150"),
        ("{{ 'long words here' | truncate(8) }}", "long..."),
        ("{{ true }} {{ none }}{{ 5 }} {{ 2.5 }}", "True 5 2.5"),
        ("{{ range }} {{ loop }} {{ город }}", "a range a loop Київ"),
        ("{{ super }} {{ caller }} {{ context }} {{ environment }} {{ missing }}", "1 2 3 4 5"),
        ("{{ name is defined }} {{ name in ['Anna'] }} {{ 4 is divisibleby 2 }}", "True True True"),
        (
            "{{ 'n/a' | int }} {{ 'nan' | float }} {{ '12.7' | int }} {{ '9' | int + '" + "9" * 30 + "' | length }}",
            "0 0.0 12 39",
        ),
    ],
)
def test_a_body_becomes_the_recipients_message(body: str, expected: str) -> None:
    variables = {
        "name": "Anna",
        "city": "Київ 😀",
        "points": "42",
        "price": "9.9",
        "country": "DE",
        "items": "milk, eggs",
        "contact": {"city": {"name": "Oslo"}, "zip": "0150"},
        "range": "a range",
        "loop": "a loop",
        "город": "Київ",
        "super": "1",
        "caller": "2",
        "context": "3",
        "environment": "4",
        "missing": "5",
    }
    assert compile_template(body).render(variables).body == expected


def test_the_parts_come_with_the_message() -> None:
    parts = compile_template("Hi {{ name }}").render({"name": "Zoë’" + "x" * 70}).parts
    assert (parts.encoding, parts.parts) == (Encoding.UCS_2, 2)


@given(st.text(min_size=1, max_size=50))
def test_any_value_that_is_not_blank_arrives_as_it_is(value: str) -> None:
    for body in ("<{{ name }}>", "{% if true %}<{{ name }}>{% endif %}"):
        assert message(body, FALLBACK, name=value) == (f"<{value}>" if value.strip() else "<>")


# -- missing variables


@pytest.mark.parametrize("value", MISSING_VALUES)
@pytest.mark.parametrize(
    "body", ["Hi {{ name }}", "Hi {{ name | upper }}", "Hi {{ name.upper() }}", "{{ 'Hi ' ~ name }}"]
)
def test_a_missing_or_blank_variable_refuses_the_recipient_under_refuse(body: str, value: str | None) -> None:
    with pytest.raises(VariableMissing, match=r"^variables\.name: ") as caught:
        message(body, name=value)
    assert (caught.value.variable, caught.value.code) == ("name", "missing_variable")


@pytest.mark.parametrize(
    "body",
    [
        "{% for x in name.split() %}{{ x }}{% endfor %}",
        "{% for x in name %}{% endfor %}",
        *("{{ name + 'x' }}", "{{ name * 2 }}", "{{ name > 'a' }}", "{{ -name }}", "{{ 'a' in name }}"),
        *("{{ name[0] }}", "{{ name[1:] }}", "{{ name.field }}", "{{ name | length }}", "{{ name | int }}"),
        *("{{ [name] | join }}", "{{ 'a' | replace('a', name) }}"),
    ],
)
def test_every_use_of_a_missing_variable_refuses_the_recipient(body: str) -> None:
    with pytest.raises(VariableMissing) as caught:
        message("x" + body)
    assert caught.value.variable == "name"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Hi {{ name | default('friend') }}", "Hi friend"),
        ("Hi{% if name %} {{ name }}{% endif %}", "Hi"),
        ("Hi {{ name if name else 'you' }}", "Hi you"),
        ("Hi {{ name or 'you' }}", "Hi you"),
        ("Hi{% if name is defined %} {{ name }}{% endif %}", "Hi"),
        ("{% if name == 'Anna' %}Hi Anna{% else %}Hi{% endif %}", "Hi"),
    ],
)
@pytest.mark.parametrize("policy", MissingVariable)
def test_a_template_may_ask_whether_a_variable_is_there(policy: MissingVariable, body: str, expected: str) -> None:
    assert message(body, policy, name=" ") == expected


def test_only_the_branch_that_is_taken_needs_its_variables() -> None:
    compiled = compile_template("{% if vip %}Code {{ code }}{% else %}Sale!{% endif %}")
    assert compiled.render({"vip": ""}).body == "Sale!"
    with pytest.raises(VariableMissing):
        compiled.render({"vip": "yes"})


@pytest.mark.parametrize("value", MISSING_VALUES)
@pytest.mark.parametrize("body", ["Hi {{ name }}!", "Hi {% if true %}{{ name }}{% endif %}!"])
def test_the_fallback_stands_in_under_fallback_and_nothing_where_there_is_none(body: str, value: str | None) -> None:
    assert compile_template(body, {"name": "friend"}, FALLBACK).render({"name": value}).body == "Hi friend!"
    assert compile_template(body, {}, FALLBACK).render({"name": value}).body == "Hi !"
    assert compile_template(body, {"name": "friend"}, FALLBACK).render({"name": "Anna"}).body == "Hi Anna!"


def test_under_refuse_a_fallback_is_not_used() -> None:
    with pytest.raises(VariableMissing):
        compile_template("Hi {{ name }}", {"name": "friend"}, REFUSE).render({})


def test_missing_lists_what_the_body_asks_for_and_the_recipient_lacks() -> None:
    compiled = compile_template("{{ a }} {% if b %}{{ c.d }}{% endif %} {% set e = 1 %}{{ e }}")
    assert compiled.variables == ("a", "b", "c")
    assert compiled.missing({"b": " ", "c": 0}) == ["a", "b"]


# -- refusals at the rendering


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("x\n{{ 1 / 0 }}", "line 2: division by zero"),
        ("{{ name > 5 }}", "line 1: these values cannot be used together"),
        ("{{ name + 5 }}", "line 1: a number .* is needed here, not a text"),
        ("{{ [1, 2] }}", "line 1: a list cannot be printed"),
        ("{{ contact }}", "contact: an object cannot be printed"),
        ("{% for c in name %}{{ c }}{% endfor %}", "line 1: a list .* is needed here, not a text"),
        ("{{ '%s %s' | format(1) }}", "line 1: these values cannot be used together"),
        ("{{ 'a' | round }}", "line 1: a number .* is needed here"),
        ("{{ 5 | upper(1) }}", "line 1: these values cannot be used together"),
        ("{% for a, b in [1] %}{% endfor %}", "line 1: these values cannot be used together"),
        ("{% for a, b in [[1]] %}{% endfor %}", r"line 1: cannot be rendered \(ValueError\)"),
    ],
)
def test_an_error_while_rendering_names_line_and_rule_and_no_value(body: str, rule: str) -> None:
    with pytest.raises(TemplateFailed, match=rule) as caught:
        message(body, name="Anna", contact={"a": 1})
    assert caught.value.code == "template_error"
    assert isinstance(caught.value, Rejected)
    assert "Anna" not in str(caught.value)


def test_a_look_up_that_fails_does_not_tell_the_recipients_value() -> None:
    with pytest.raises(VariableMissing) as caught:
        message("{{ {'FR': 'Bonjour'}[country] }}", country="secret")
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("body", ["{{ name }}", "{% if vip %}Hi{% endif %}", " {{ name }}\n"])
def test_a_message_of_nothing_but_space_is_refused(body: str) -> None:
    with pytest.raises(MessageEmpty):
        message(body, FALLBACK)


@pytest.mark.parametrize("body", ["{{ name }}", "{% if name %}{{ name }}{% endif %}"])
def test_a_message_beyond_the_limit_is_refused(body: str) -> None:
    assert len(message(body, name="x" * 5_000)) == 5_000
    with pytest.raises(MessageTooLong):
        message(body, name="x" * 5_001)


# -- refusals when it is saved


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("{# nothing #}", "would be empty"),
        ("Hi {{ name", "line 1: "),
        ("Hi\n{% if x %}", "line 2: "),
        ("Hi {{ }}", "line 1: "),
        ("Hi {{ first name }}", "line 1: "),
        ("Hi {% for %}", "line 1: "),
        ("{{ 'open }}", "line 1: "),
        ("{% unknown %}", "line 1: "),
        ("{{ name | nofilter }}", "line 1: no filter named 'nofilter'; there are: abs, "),
        ("{{ name is notest }}", "line 1: no test named 'notest'"),
        ("x" * 10_001, "has 10,001 characters; a template may have 10,000"),
        ("a\x00b", "NUL"),
        ("a\ud83d", "surrogate"),
    ],
)
def test_a_body_that_is_no_template_is_refused_with_field_and_rule(body: str, rule: str) -> None:
    with pytest.raises(TemplateInvalid, match=rule) as caught:
        compile_template(body)
    assert [error.field for error in caught.value.errors] == ["body"]


@pytest.mark.parametrize(
    ("fallbacks", "rule"),
    [({"nmae": "x"}, "no such variable; it has: name"), ({"name": "x" * 1_001}, "1,000"), ({"name": "\x00"}, "holds")],
)
def test_a_fallback_that_cannot_be_used_is_refused(fallbacks: dict[str, str], rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule) as caught:
        compile_template("Hi {{ name }}", fallbacks, FALLBACK)
    assert caught.value.errors[0].field == f"fallbacks.{next(iter(fallbacks))}"


# -- smart encoding


def test_smart_encoding_acts_on_the_finished_message() -> None:
    smart = compile_template("It’s {{ name }}", smart_encoding=True)
    assert smart.render({"name": "“Ann”"}).body == 'It\'s "Ann"'
    assert smart.render({"name": "“Ann”"}).parts.encoding is Encoding.GSM_7
    assert smart.render({"name": "Анна"}).body == "It’s Анна"
    assert compile_template("It’s me", smart_encoding=True).render({}).body == "It's me"
    assert compile_template("It’s me").render({}).body == "It’s me"
