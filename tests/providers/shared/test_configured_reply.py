"""Replies read by configuration."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from heliograph.providers.shared.configured_reply import ReadReply, ReplyFields, UnreadableReply

JSON = ReplyFields(format="json", id="0.id", code="0.code", success=("6001",))
XML = ReplyFields(format="xml", id="@REQID", code="MID/ERROR/CODE", success=("0",))
TEXT = ReplyFields(format="text", id="2", code="0", success=("success",))


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        (JSON, b'[{"code": "6001", "id": 42}]', ReadReply("42", "6001")),
        (JSON, b'[{"code": 6001}]', ReadReply(None, "6001")),
        (JSON, b'{"error": "x"}', ReadReply(None, None)),
        (JSON, b'[{"code": null, "id": {"a": 1}}]', ReadReply(None, None)),
        (XML, b"<!DOCTYPE R SYSTEM 'http://x.example/r.dtd'><R REQID ='42'><MID TID='7'/></R>", ReadReply("42", None)),
        (XML, b"<R><MID><ERROR><CODE> 120 </CODE></ERROR></MID></R>", ReadReply(None, "120")),
        (TEXT, b"success | 919812345678 | 42", ReadReply("42", "success")),
        (TEXT, b"error", ReadReply(None, "error")),
    ],
)
def test_a_reply_is_read_in_its_format(fields: ReplyFields, body: bytes, expected: ReadReply) -> None:
    assert fields.read(body) == expected


BOMB = b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>'


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (JSON, b"<html>"),
        (JSON, b""),
        (XML, b"not XML"),
        (XML, b""),
        (XML, BOMB),
        (XML, b'<?xml version="1.0" encoding="odd"?><r/>'),
        (TEXT, b"\xff\xfe"),
    ],
)
def test_what_is_not_in_the_format_is_unreadable(fields: ReplyFields, body: bytes) -> None:
    with pytest.raises(UnreadableReply):
        fields.read(body)


@given(st.binary(max_size=100), st.sampled_from([JSON, XML, TEXT]))
def test_no_bytes_raise_anything_else(body: bytes, fields: ReplyFields) -> None:
    try:
        fields.read(body)
    except UnreadableReply:
        return


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"format": "json"}, "id has to be configured: .* ask your account manager"),
        ({"format": "yaml", "id": "a"}, "'json', 'xml' or 'text'"),
        ({"format": "json", "id": "a", "code": "b"}, "success has to name"),
        ({"format": "json", "id": "a", "errors": {"1": "auth"}}, "code has to say where"),
        ({"format": "text", "id": "first"}, "not the number of a piece"),
        ({"format": "xml", "id": "MID[@ID="}, "not a path of element names"),
        ({"format": "xml", "id": "/absolute"}, "not a path of element names"),
        ({"format": "json", "id": "a", "code": "b", "success": ["0"], "errors": {"1": "odd"}}, "Input should be"),
    ],
)
def test_a_broken_configuration_is_refused_with_its_rule(broken: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        ReplyFields.model_validate(broken)
