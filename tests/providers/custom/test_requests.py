"""The request that a user describes: how each message is written into it, and what is refused when it is saved."""

from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import fromstring

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from heliograph.errors import InvalidInput
from heliograph.ids import new_id
from heliograph.providers.custom.escapes import Unwritable
from heliograph.providers.custom.placeholders import PLACEHOLDERS, Subject, values_of
from heliograph.providers.custom.request_templates import RequestTemplate, check_placeholders
from heliograph.providers.custom.requests import RequestDescription
from heliograph.providers.protocol import OutgoingMessage, SenderAddress
from heliograph.providers.shared.http import HttpRequest

URL = "https://gateway.example/send"
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def message(body: str = "Hi", to: str = "+447400123456") -> OutgoingMessage:
    return OutgoingMessage(new_id(), 2, to, body, 0.0)


def written(description: dict[str, Any], sent: OutgoingMessage | None = None, **secrets: str) -> HttpRequest:
    template = RequestTemplate.of(RequestDescription.model_validate({"url": URL, **description}))
    ready = template.with_secrets(secrets, field="configuration.request")
    sent = sent or message()
    subject = Subject(sent, SenderAddress("sender", "ACME"), "https://h.example/callbacks/t/status", sent.reference)
    return ready.fill(values_of(subject, ready.names))


def refusal(**description: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        RequestDescription.model_validate({"url": URL, **description})
    (error, *_) = refused.value.errors()
    return ".".join(map(str, error["loc"])) + ": " + error["msg"]


@given(body=TEXTS)
def test_no_text_can_leave_its_place_in_a_form_or_query(body: str) -> None:
    fields = {"to": "{{ to_digits }}", "text": "{{ body }}", "from": "{{ sender }}"}
    request = written({"query": fields, "body": {"format": "form", "fields": fields}}, message(body))
    expected = [("to", "447400123456"), ("text", body), ("from", "ACME")]
    assert parse_qsl((request.body or b"").decode(), keep_blank_values=True) == expected
    assert parse_qsl(request.url.partition("?")[2], keep_blank_values=True) == expected
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


@given(body=TEXTS)
def test_no_text_can_leave_its_place_in_json(body: str) -> None:
    document = {"messages": [{"to": "{{ to }}", "text": 'Say "{{ body }}"', "flash": False, "n": 1, "none": None}]}
    request = written({"body": {"format": "json", "document": document}}, message(body))
    expected = {"to": "+447400123456", "text": f'Say "{body}"', "flash": False, "n": 1, "none": None}
    assert orjson.loads(request.body or b"") == {"messages": [expected]}


@given(body=TEXTS)
def test_no_text_can_leave_its_place_in_xml(body: str) -> None:
    text = "<sms to=\"{{ to }}\" by='{{ body }}'><text>{{ body }}</text></sms>"
    if any(character in "\ufffe\uffff" for character in body):
        with pytest.raises(Unwritable, match="XML"):
            written({"body": {"format": "xml", "text": text}}, message(body))
        return
    root = fromstring((written({"body": {"format": "xml", "text": text}}, message(body)).body or b"").decode())
    assert (root.get("by"), root.findtext("text")) == (body, body)


@given(body=TEXTS.filter(lambda text: text.strip(".") != ""))
def test_no_text_can_leave_its_segment_of_the_address(body: str) -> None:
    request = written({"url": "https://gateway.example/a/{{ body }}/b?t={{ body }}"}, message(body))
    path, _, query = request.url.partition("?")
    assert path.count("/") == 5
    assert "?" not in query
    assert dict(parse_qsl(query, keep_blank_values=True)) == {"t": body}


@pytest.mark.parametrize("body", [".", "..", "..."])
def test_dots_alone_cannot_climb_in_the_address(body: str) -> None:
    with pytest.raises(Unwritable):
        written({"url": "https://gateway.example/a/{{ body }}"}, message(body))


@pytest.mark.parametrize("body", ["a\r\nX-Evil: 1", "ü", "a\x00"])
def test_a_header_takes_printable_ascii_only(body: str) -> None:
    with pytest.raises(Unwritable, match="header"):
        written({"headers": {"X-Text": "{{ body }}"}}, message(body))
    urlencoded = written({"headers": {"X-Text": "{{ body | urlencode }}"}}, message(body))
    assert urlencoded.headers["X-Text"].isascii()


def test_every_placeholder_has_its_value() -> None:
    fields = {name: f"{{{{ {name} }}}}" for name in PLACEHOLDERS}
    sent = message("Grüße 😀")
    values = dict(parse_qsl((written({"body": {"format": "form", "fields": fields}}, sent).body or b"").decode()))
    assert values.pop("timestamp").isdigit()
    assert values == {
        "to": "+447400123456",
        "to_digits": "447400123456",
        "body": "Grüße 😀",
        "sender": "ACME",
        "sender_kind": "sender",
        "reference": sent.reference,
        "message_id": str(sent.message_id),
        "callback_url": f"https://h.example/callbacks/t/status?r={sent.reference}",
        "encoding": "ucs2",
        "parts": "1",
    }


def test_expressions_of_the_template_language_can_be_used() -> None:
    fields = {
        "type": "{{ 'unicode' if encoding == 'ucs2' else 'text' }}",
        "text": "{{ body | upper }}",
        "nothing": "{{ '' if body else body }}",
        "fixed": "100 % & more",
    }
    body = (written({"body": {"format": "form", "fields": fields}}).body or b"").decode()
    assert dict(parse_qsl(body, keep_blank_values=True)) == {
        "type": "text",
        "text": "HI",
        "nothing": "",
        "fixed": "100 % & more",
    }


def test_a_single_numeric_expression_is_a_number_in_json() -> None:
    request = written(
        {"body": {"format": "json", "document": {"to": "{{ to_digits | int }}", "n": "{{ parts | int }}"}}}
    )
    assert orjson.loads(request.body or b"") == {"to": 447400123456, "n": 1}


def test_a_raw_body_is_as_it_is_written() -> None:
    request = written(
        {"body": {"format": "raw", "text": "{{ to }};{{ body }}", "content_type": "text/csv"}}, message("a;b")
    )
    assert (request.body, request.headers["Content-Type"]) == (b"+447400123456;a;b", "text/csv")


def test_a_content_type_of_the_users_own_stays_the_only_one() -> None:
    request = written(
        {"headers": {"content-type": "application/vnd.acme+json"}, "body": {"format": "json", "document": {}}}
    )
    assert request.headers == {"content-type": "application/vnd.acme+json"}


def test_secrets_are_filled_in_where_they_stand() -> None:
    request = written(
        {"query": {"key": "{{ secrets.api_key }}"}, "headers": {"X-Key": "{{ secrets.api_key }}"}}, api_key="a&b"
    )
    assert request.url == f"{URL}?key=a%26b"
    assert request.headers["X-Key"] == "a&b"


def test_a_secret_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"configuration\.request: names secrets\.api_key"):
        written({"query": {"key": "{{ secrets.api_key }}"}})


def test_a_secret_that_no_header_can_hold_is_refused_without_being_shown() -> None:
    with pytest.raises(InvalidInput, match="cannot hold a secret") as refused:
        written({"headers": {"X-Key": "{{ secrets.api_key }}"}}, api_key="päss")
    assert "päss" not in refused.value.detail


@pytest.mark.parametrize(
    ("description", "refused"),
    [
        ({"query": {"to": "{{ phone }}"}}, r"query.to: there is no placeholder 'phone'; there are: body, callback_url"),
        ({"query": {"to": "{{ to"}}, r"query.to: line 1"),
        ({"query": {"to": "{{ to.digits }}"}}, r"query.to: a placeholder is a text: it has no 'digits'"),
        ({"query": {"to": "{% for x in to %}{{ x }}{% endfor %}"}}, r"query.to: a loop has no place in a request"),
        ({"query": {"to": "{% if to %}1{% endif %}"}}, r"query.to: a {% statement %} has no place in a request"),
        ({"query": {"to": "{{ to.__class__ }}"}}, r"query.to: "),
        ({"query": {"to": "{{ range(10) }}"}}, r"query.to: "),
        ({"query": {"to": "{{ secrets }}"}}, r"query.to: a secret stands alone"),
        ({"query": {"to": "{{ secrets.key | upper }}"}}, r"query.to: a secret stands alone"),
        ({"query": {"to": "x" * 20_001}}, r"query.to: "),
        ({"headers": {"Host": "evil.example"}}, r"headers: Host is written by the connection itself"),
        ({"headers": {"content-length": "7"}}, r"headers: content-length is written by the connection itself"),
        ({"headers": {"X A": "1"}}, r"headers"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, r"headers.X-A: a header takes printable ASCII only"),
        ({"body": {"format": "form", "fields": {}}}, r"body.form.fields"),
        (
            {"body": {"format": "json", "document": {"a": ["{{ nobody }}"]}}},
            r"body.json.document: document.a.0: there is no",
        ),
        ({"body": {"format": "json", "document": {"a": "x" * 20_001}}}, r"body.json.document: has at most"),
        ({"body": {"format": "xml", "text": "<a>{{ to }}</b>"}}, r"body.xml.text: is not well-formed XML"),
        ({"body": {"format": "xml", "text": "{{ to }}"}}, r"body.xml.text: is not well-formed XML"),
        (
            {"body": {"format": "xml", "text": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}},
            r"body.xml.text: has a document type or entities",
        ),
        ({"body": {"format": "yaml", "text": ""}}, r"body"),
        ({"method": "TRACE"}, r"method"),
        ({"url": "ftp://gateway.example/"}, r"url: begins with https:// or http://"),
        ({"url": "https://{{ sender }}.example/"}, r"url: begins with https:// or http:// and a host, without a place"),
        ({"url": "https://gateway.example:{{ parts }}/"}, r"url: begins with"),
        ({"url": "https://gateway.example\\@evil.example/"}, r"url: begins with"),
        ({"url": "https://user:pass@gateway.example/"}, r"url: holds no user name or password"),
        ({"url": "https://gateway.example/#a"}, r"url: has no fragment"),
        ({"url": "https://gateway.example/{{ nobody }}"}, r"url: there is no placeholder"),
        ({"url": ""}, r"url"),
        ({"surprise": 1}, r"surprise"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_field_and_rule(description: dict[str, Any], refused: str) -> None:
    assert refusal(**description).startswith(refused)


def test_deep_json_is_refused() -> None:
    document: Any = "{{ to }}"
    for _ in range(30):
        document = [document]
    assert "nested more than 20 deep" in refusal(body={"format": "json", "document": document})


def test_a_request_asks_only_for_what_its_kind_knows() -> None:
    with pytest.raises(ValueError, match="there is no placeholder 'id' here"):
        check_placeholders(RequestDescription.model_validate({"url": URL + "/{{ id }}"}), PLACEHOLDERS)
