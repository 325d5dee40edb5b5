"""Reads the fields of a callback, in whichever way a provider sends them: query, form, JSON object, JSON array."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import orjson

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest

_FIELDS_LIMIT: Final = 100
_RECORDS_LIMIT: Final = 1000
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Record:
    """What a callback says of one message."""

    fields: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """A field's text; None where it is absent, null or empty.

        `InvalidInput` for what is neither text, number nor truth value. In JSON `a.b` is field `b` of object `a`,
        unless there is a field of that whole name.
        """
        value = find(self.fields, name)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value).strip() or None
        if value is None:
            return None
        raise InvalidInput.of(name, "is a text or a number")

    def required(self, name: str) -> str:
        """A field's text; `InvalidInput` where it is missing."""
        value = self.text(name)
        if value is None:
            raise InvalidInput.of(name, "is missing")
        return value


def find(document: object, path: str) -> object:
    """What stands at a dotted path in JSON, `0.id` for instance; None where the path leads nowhere."""
    if isinstance(document, Mapping) and path in document:
        return document[path]
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, Sequence) and not isinstance(document, str) and step.isdecimal():
            document = document[int(step)] if int(step) < len(document) else None
        else:
            return None
    return document


def read_records(request: ProviderRequest, *, array: str | None = None) -> Sequence[Record]:
    """The records of a callback; `InvalidInput` for what cannot be read.

    `array` is where an array of records stands: a path in JSON, or the form field that holds JSON. A JSON array
    alone is one too. Without a body the query is read.
    """
    if not request.body.strip():
        return _within(_form(request.url.partition("?")[2].encode("utf-8", "surrogatepass"), "query"), array)
    if request.body.lstrip()[:1] in {b"{", b"["}:
        return _within(_json(request.body), array)
    return _within(_form(request.body, "body"), array)


def _within(document: object, array: str | None) -> Sequence[Record]:
    if array is not None and isinstance(document, Mapping):
        document = find(document, array)
        if document is None:
            raise InvalidInput.of(array, "is missing")
        if isinstance(document, str):
            document = _json(document.encode("utf-8", "surrogatepass"), array)
    records = document if isinstance(document, list) else [document]
    if len(records) > _RECORDS_LIMIT:
        raise InvalidInput.of(array or "body", f"has at most {_RECORDS_LIMIT} reports")
    objects = [Record(record) for record in records if isinstance(record, Mapping)]
    if len(objects) < len(records):
        raise InvalidInput.of(array or "body", "is an object, or an array of objects")
    return objects


def _json(text: bytes, field: str = "body") -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.of(field, "is not JSON") from error


def _form(text: bytes, where: str) -> Mapping[str, str]:
    try:
        if _BAD_ESCAPE.search(text):
            raise ValueError("a % is not followed by two hexadecimal digits")
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_LIMIT)
    except ValueError as error:
        raise InvalidInput.of(where, f"is not a form in UTF-8 of at most {_FIELDS_LIMIT} fields") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if fields.setdefault(name, value) != value:
            raise InvalidInput.of(name[:80], "stands twice, with different values")
    return fields
