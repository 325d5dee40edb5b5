"""The request that a user describes, and what is checked of it when it is saved."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from pydantic import AfterValidator, Field, JsonValue, StringConstraints, field_validator

from heliograph.errors import InvalidInput
from heliograph.outbound.origin import Origin
from heliograph.providers.custom.escapes import ESCAPES, Place, Unwritable
from heliograph.providers.custom.placeholders import SAMPLES
from heliograph.providers.custom.rules import HeaderName, Name, Part, broken
from heliograph.providers.custom.templates import Template, TemplateBroken, compile_text, joined

_LITERAL_ORIGIN: Final = re.compile(r"https?://[^/?#{}\s\\]+(?:[/?]|$)", re.IGNORECASE)
_OWN_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"})
_SIZE_LIMIT: Final = 20_000
_DEPTH_LIMIT: Final = 20


def compiled(source: str, place: Place, *, where: str = "") -> Template:
    """The template of a field, or the error of a validator; `where` it stands within the field."""
    try:
        template = compile_text(source, place, SAMPLES)
        template.render(samples(template))
    except (TemplateBroken, Unwritable) as refused:
        broken(where + refused.rule, "bad_template")
    return template


def samples(template: Template) -> dict[str, str]:
    """A value for each of its placeholders and secrets."""
    return {name: SAMPLES.get(name, "secret") for name in template.names}


def _text(place: Place) -> AfterValidator:
    def check(source: str) -> str:
        compiled(source, place)
        return source

    return AfterValidator(check)


Text = Annotated[str, StringConstraints(max_length=_SIZE_LIMIT)]
FormText = Annotated[Text, _text(Place.FORM)]
HeaderText = Annotated[Text, _text(Place.HEADER)]


class FormBody(Part):
    """`application/x-www-form-urlencoded`."""

    format: Literal["form"]
    fields: dict[Name, FormText] = Field(min_length=1, max_length=100)

    content_type: Literal["application/x-www-form-urlencoded"] = "application/x-www-form-urlencoded"

    def template(self) -> Template:
        """The whole body."""
        return pairs(self.fields)


class JsonBody(Part):
    """A JSON document; its texts are templates, and one that is a single `{{ … | int }}` becomes a number."""

    format: Literal["json"]
    document: JsonValue
    content_type: HeaderText = "application/json"

    @field_validator("document")
    @classmethod
    def _is_of_templates(cls, document: JsonValue) -> JsonValue:
        if len(orjson.dumps(document)) > _SIZE_LIMIT:
            broken(f"has at most {_SIZE_LIMIT:,} bytes")
        joined(list(_json(document, "document", 0)))
        return document

    def template(self) -> Template:
        """The whole body."""
        return joined(list(_json(self.document, "document", 0)))


class XmlBody(Part):
    """An XML document; placeholders stand in texts and in attributes in quotes."""

    format: Literal["xml"]
    text: Annotated[Text, _text(Place.XML)]
    content_type: HeaderText = "application/xml"

    @field_validator("text")
    @classmethod
    def _is_well_formed(cls, text: str) -> str:
        template = compiled(text, Place.XML)
        try:
            fromstring(template.render(samples(template)).encode(), forbid_dtd=True)
        except DefusedXmlException:
            broken("has a document type or entities, which are not sent", "bad_xml")
        except (ParseError, ValueError, LookupError) as error:
            broken(f"is not well-formed XML: {error}", "bad_xml")
        return text

    def template(self) -> Template:
        """The whole body."""
        return compiled(self.text, Place.XML)


class RawBody(Part):
    """Any text; values stand in it as they are."""

    format: Literal["raw"]
    text: Annotated[Text, _text(Place.RAW)]
    content_type: HeaderText = "text/plain; charset=utf-8"

    def template(self) -> Template:
        """The whole body."""
        return compiled(self.text, Place.RAW)


class RequestDescription(Part):
    """A request, in templates."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)] = Field(
        description="The whole address. Placeholders may stand in its path and query, not before."
    )
    query: dict[Name, FormText] = Field(default={}, max_length=100, description="Added to the address.")
    headers: dict[HeaderName, HeaderText] = Field(default={}, max_length=50)
    body: Annotated[FormBody | JsonBody | XmlBody | RawBody, Field(discriminator="format")] | None = None

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not _LITERAL_ORIGIN.match(url):
            broken("begins with https:// or http:// and a host, without a placeholder in them", "bad_address")
        if "#" in url:
            broken("has no fragment (#)", "bad_address")
        try:
            _origin(url)
        except InvalidInput as error:
            broken(error.errors[0].rule, "bad_address")
        return url

    @field_validator("headers")
    @classmethod
    def _are_ours_to_set(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in _OWN_HEADERS:
                broken(f"{name} is written by the connection itself")
        return headers

    @property
    def origin(self) -> Origin:
        """Where it goes."""
        return _origin(self.url)


def address(url: str) -> Template:
    """The template of an address."""
    path, sign, query = url.partition("?")
    return joined([compiled(path, Place.PATH), sign, compiled(query, Place.QUERY)])


def _origin(url: str) -> Origin:
    template = address(url)
    return Origin.of(template.render(samples(template)))


def pairs(fields: Mapping[str, str]) -> Template:
    """A form or query."""
    parts: list[Template | str] = []
    for name, value in fields.items():
        parts += [f"{'&' if parts else ''}{ESCAPES[Place.FORM](name)}=", compiled(value, Place.FORM)]
    return joined(parts)


def _json(value: Any, where: str, depth: int) -> Iterator[Template | str]:
    """The pieces of a JSON document; what is no text is written as it is."""
    if depth > _DEPTH_LIMIT:
        broken(f"{where} is nested more than {_DEPTH_LIMIT} deep")
    if isinstance(value, str):
        yield from _json_text(value, where)
    elif isinstance(value, dict):
        yield "{"
        for place, (name, item) in enumerate(value.items()):
            yield f"{',' if place else ''}{orjson.dumps(name).decode()}:"
            yield from _json(item, f"{where}.{name}", depth + 1)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for place, item in enumerate(value):
            yield "," if place else ""
            yield from _json(item, f"{where}.{place}", depth + 1)
        yield "]"
    else:
        yield orjson.dumps(value).decode()


def _json_text(source: str, where: str) -> Iterator[Template | str]:
    template = compiled(source, Place.JSON, where=f"{where}: ")
    if template.is_number:
        yield template
    else:
        yield '"'
        yield template
        yield '"'
