"""An answer or a callback as extractors look at it: bytes, read as JSON, XML or text when somebody asks."""

import re
from typing import Final
from xml.etree.ElementTree import Element

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

_TEXT_LIMIT: Final = 64 * 1024  # characters that a regular expression or a split looks at
BAD_PATH: Final = (SyntaxError, KeyError, ValueError, TypeError)
"""What ElementTree raises for a path that it does not know."""

_NOT_PARSED: Final = object()
_ATTRIBUTE_OR_TEXT: Final = re.compile(r"(?:(?P<path>.*)/)?(?:@(?P<attribute>[^/\[\]@]+)|text\(\))")


class Document:
    """What came, parsed once for all who look at it."""

    __slots__ = ("_json", "_text", "_xml", "content")

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._text: str | None = None
        self._json: object = _NOT_PARSED
        self._xml: Element | object | None = _NOT_PARSED

    @property
    def text(self) -> str:
        """In UTF-8, what is none of it replaced; no more than an extractor needs."""
        if self._text is None:
            self._text = self.content.decode(errors="replace")[:_TEXT_LIMIT]
        return self._text

    @property
    def json(self) -> object:
        """The JSON value; None where it is not JSON."""
        if self._json is _NOT_PARSED:
            try:
                self._json = orjson.loads(self.content)
            except orjson.JSONDecodeError:
                self._json = None
        return self._json

    @property
    def xml(self) -> Element | None:
        """Above the root element, so that a path may begin with it; None where it is not XML, or has entities."""
        if self._xml is _NOT_PARSED:
            self._xml = _parse_xml(self.content)
        return self._xml if isinstance(self._xml, Element) else None


def _parse_xml(content: bytes) -> Element | None:
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    document = Element("document")
    document.append(root)
    return document


def relative(path: str) -> str:
    """`/a/b` and `//b` as ElementTree wants them, from the element above the root."""
    return f".{path}" if path.startswith("/") else path


def text_at(document: Element, path: str) -> str | None:
    """The text at a path such as `/reply/id`, `//message[@n='1']/id`, `/reply/@id` or `/reply/id/text()`."""
    match = _ATTRIBUTE_OR_TEXT.fullmatch(path)
    if match is None:
        return _stripped(document.findtext(relative(path)))
    element = document.find(relative(match["path"])) if match["path"] else document
    if element is None:
        return None
    return _stripped(element.get(match["attribute"]) if match["attribute"] else element.text)


def check_path(path: str) -> None:
    """Raises one of `BAD_PATH` for what is no path that ElementTree knows."""
    if path.count("//") > 1:
        raise SyntaxError("// may stand once")
    text_at(Element("document"), path)


def as_text(value: object) -> str | None:
    """A scalar of JSON as text; None for nothing, an empty text, an object or an array."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _stripped(str(value)) if isinstance(value, str | int | float) else None


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None
