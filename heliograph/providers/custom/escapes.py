"""How a value is written into each kind of request, so that it stays a value.

No text of a message can end a JSON string, open an XML element, add a form field or a header.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as escape_xml

import orjson


class Unwritable(Exception):
    """The value has characters that cannot be written in this place. `rule` holds nothing of it."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Place(StrEnum):
    """Where a value is written."""

    PATH = "path"
    QUERY = "query"  # of an address, around which there is text of the user's
    FORM = "form"  # one field, also of the query
    JSON = "json"  # inside a string
    XML = "xml"  # text, or an attribute in quotes
    HEADER = "header"
    RAW = "raw"


_NOT_IN_A_HEADER: Final = re.compile(r"[^\t\x20-\x7e]")
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_QUOTES: Final = {'"': "&quot;", "'": "&apos;"}


def _path(value: str) -> str:
    """Within one segment: a slash is escaped; dots alone, which climb up however they are written, are refused."""
    if not value.strip("."):
        raise Unwritable("dots alone, or nothing, cannot stand in an address")
    return quote(value, safe="")


def _json(value: str) -> str:
    return orjson.dumps(value)[1:-1].decode()


def _xml(value: str) -> str:
    if _NOT_IN_XML.search(value):
        raise Unwritable("the text has a control character, which XML cannot carry")
    return escape_xml(value, _QUOTES)


def _header(value: str) -> str:
    if _NOT_IN_A_HEADER.search(value):
        raise Unwritable("a header takes printable ASCII only; the filter urlencode makes it of any text")
    return value


def _raw(value: str) -> str:
    return value


ESCAPES: Final[Mapping[Place, Callable[[str], str]]] = {
    Place.PATH: _path,
    Place.QUERY: quote_plus,
    Place.FORM: quote_plus,
    Place.JSON: _json,
    Place.XML: _xml,
    Place.HEADER: _header,
    Place.RAW: _raw,
}

OF_VALUES: Final = frozenset({Place.FORM, Place.JSON, Place.HEADER})
"""Where a template is one whole value, so that its own text is escaped too."""
