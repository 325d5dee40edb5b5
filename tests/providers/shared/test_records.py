"""The fields of a callback, in each way that providers send them."""

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest
from heliograph.providers.shared.records import Record, read_records

URL = "https://heliograph.example/callbacks/t/status"


def callback(body: bytes = b"", query: str = "") -> ProviderRequest:
    """A callback with this body or query."""
    return ProviderRequest("POST" if body else "GET", f"{URL}?{query}" if query else URL, {}, body)


@pytest.mark.parametrize(
    "request_",
    [
        callback(query="id=42&status=It+is+d%C3%A9liv%C3%A9r%C3%A9"),
        callback(b"id=42&status=It%20is%20d%C3%A9liv%C3%A9r%C3%A9"),
        callback(orjson.dumps({"id": 42, "status": "It is délivéré"})),
        callback(orjson.dumps([{"id": "42", "status": "It is délivéré"}])),
    ],
)
def test_a_report_reads_the_same_in_every_form(request_: ProviderRequest) -> None:
    (record,) = read_records(request_)
    assert (record.text("id"), record.text("status"), record.text("absent")) == ("42", "It is délivéré", None)


def test_an_array_stands_in_json_or_in_a_field_of_a_form() -> None:
    reports = [{"id": "1"}, {"id": "2"}]
    for request in (
        callback(orjson.dumps({"data": {"reports": reports}})),
        callback(orjson.dumps({"data.reports": reports})),
    ):
        assert [record.text("id") for record in read_records(request, array="data.reports")] == ["1", "2"]
    form = callback(b"response=" + b"[%7B%22id%22:%221%22%7D]")
    assert [record.text("id") for record in read_records(form, array="response")] == ["1"]


def test_a_path_leads_into_objects_and_arrays() -> None:
    record = Record({"a": {"b": [{"c": 7}]}, "x.y": "whole name", "yes": True, "none": None, "empty": " "})
    assert [record.text(path) for path in ("a.b.0.c", "x.y", "yes", "none", "empty", "a.b.9.c", "a.b.c")] == [
        "7",
        "whole name",
        "true",
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (callback(b"{"), "body"),
        (callback(b"[1]"), "body"),
        (callback(b"[" * 3000), "body"),
        (callback(b"a=%zz"), "body"),
        (callback(b"a=%ff"), "body"),
        (callback("a=ü".encode()), "body"),
        (callback(query="a=%zz"), "query"),
        (callback(b"id=1&id=2"), "id"),
        (callback(b"&".join(b"field=1" for _ in range(101))), "body"),
        (callback(orjson.dumps([{}] * 1001)), "body"),
        (callback(orjson.dumps({"id": {"no": "text"}})), "id"),
        (callback(orjson.dumps({"other": 1})), "id"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(request_: ProviderRequest, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        [record.required("id") for record in read_records(request_)]
    assert [error.field for error in refused.value.errors] == [field]


def test_a_missing_or_wrong_array_is_refused_by_name() -> None:
    for body in (b'{"other": []}', b'{"response": "no json"}', b'{"response": 5}', b"response=[1]"):
        with pytest.raises(InvalidInput, match="response"):
            read_records(callback(body), array="response")


@given(st.binary(max_size=200), st.text(max_size=100))
def test_no_bytes_raise_anything_else(body: bytes, query: str) -> None:
    with suppress(InvalidInput):
        for record in read_records(callback(body, query), array="response"):
            record.text("id")
