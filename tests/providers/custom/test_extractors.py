"""How values are found in answers, and what is refused when it is saved."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from heliograph.providers.custom.documents import Document
from heliograph.providers.custom.extractors import Extractor

EXTRACTOR: TypeAdapter[Any] = TypeAdapter(Extractor)
JSON = (
    b'{"data": {"id": 17, "ok": true, "none": null, "name": " A "}, "errors": [{"l": "w"}, {"l": "f", "code": "E1"}]}'
)
XML = (
    b'<reply xmlns:x="u" code="0"><item id="7">a</item><item id="8"><n> 9</n></item><x:deep><id>5</id></x:deep></reply>'
)
BOMB = b'<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx"><!ENTITY c "&b;&b;&b;&b;">]><reply>&c;</reply>'
ENTITY = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><reply>&b;</reply>'


def find(extractor: dict[str, Any], content: bytes) -> str | None:
    found: str | None = EXTRACTOR.validate_python(extractor).find(Document(content))
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.id", "17"),
        ("data.ok", "true"),
        ("data.name", "A"),
        ("data.none", None),
        ("data", None),
        ("errors", None),
        ("data.id.deeper", None),
        ("nothing", None),
        ("errors[1].code", "E1"),
        ("errors[?l=='f'] | [0].code", "E1"),
        ("data.missing || data.id", "17"),
        ("errors[9].code", None),
        ('"data"."id"', "17"),
        ("errors[?l > `1`] | [0].l", None),
        ("errors[::0] | [0].l", None),
    ],
)
def test_json_is_read_by_jmespath(path: str, value: str | None) -> None:
    assert find({"kind": "json", "path": path}, JSON) == value


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b"7", b'{"data": [1]}', XML])
def test_what_is_not_the_json_expected_has_no_value(content: bytes) -> None:
    assert find({"kind": "json", "path": "data.id"}, content) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/reply/@code", "0"),
        ("/reply/item", "a"),
        ("/reply/item[2]/n", "9"),
        ("/reply/item[2]/n/text()", "9"),
        ("/reply/item[@id='8']/n", "9"),
        ("//n", "9"),
        ("//item/@id", "7"),
        ("reply/item", "a"),
        ("/reply/{u}deep/id", "5"),
        ("/reply/{*}deep/id", "5"),
        ("/reply/nothing", None),
        ("/reply/nothing/@id", None),
        ("/other/item", None),
    ],
)
def test_xml_is_read_by_paths(path: str, value: str | None) -> None:
    assert find({"kind": "xml", "path": path}, XML) == value


@pytest.mark.parametrize("content", [b"", b"<a>", b"{}", BOMB, ENTITY])
def test_broken_xml_and_entities_have_no_value(content: bytes) -> None:
    assert find({"kind": "xml", "path": "/reply"}, content) is None


def test_a_regular_expression_finds_its_group() -> None:
    assert find({"kind": "regex", "pattern": r"ID:\s*(\w+)"}, b"OK ID: ab12, ID: cd") == "ab12"
    assert find({"kind": "regex", "pattern": r"OK|ERR", "group": 0}, b"ERR 7") == "ERR"
    assert find({"kind": "regex", "pattern": r"ID:\s*(\w+)"}, b"nothing") is None
    assert find({"kind": "regex", "pattern": r"(ü+)"}, "grüüße".encode()) == "üü"


def test_no_regular_expression_can_run_for_long() -> None:
    assert find({"kind": "regex", "pattern": r"((a+)+)+b"}, b"a" * 60_000) is None


def test_a_piece_of_a_text_is_found_by_its_place() -> None:
    assert find({"kind": "split", "separator": "|", "index": 1}, b"success | 1701 |+44") == "1701"
    assert find({"kind": "split", "separator": "|", "index": -1}, b"success|1701|+44") == "+44"
    assert find({"kind": "split", "separator": "|", "index": 3}, b"success|1701|+44") is None


@pytest.mark.parametrize(
    ("extractor", "rule"),
    [
        ({"kind": "json", "path": "data["}, "is not JMESPath"),
        ({"kind": "json", "path": ""}, "at least 1 character"),
        ({"kind": "json", "path": "join(',', data)"}, "a function has no place here"),
        ({"kind": "json", "path": "[@, @] | [@, @]"}, "a list constructor has no place here"),
        ({"kind": "json", "path": "{a: @}.a"}, "an object constructor has no place here"),
        ({"kind": "xml", "path": "/reply["}, "is not a path that can be followed"),
        ({"kind": "xml", "path": "//a//b//c"}, "// may stand once"),
        ({"kind": "regex", "pattern": "(a"}, "pattern is not a regular expression of RE2"),
        ({"kind": "regex", "pattern": r"(a)\1"}, "pattern is not a regular expression of RE2"),
        ({"kind": "regex", "pattern": "a"}, "pattern has 0 groups, and group is 1"),
        ({"kind": "split", "separator": "", "index": 0}, "at least 1 character"),
        ({"kind": "magic"}, "magic"),
    ],
)
def test_a_bad_extractor_is_refused_with_its_rule(extractor: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule.replace("[", r"\[")):
        EXTRACTOR.validate_python(extractor)
