"""Reads the reply to a request to send by configuration, where the provider publishes none or only a part of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self
from xml.etree.ElementTree import Element

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from pydantic import Field, model_validator

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.custom.rules import Code, Name
from heliograph.providers.protocol import Accepted, Outcome, ProviderError
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.shared.outcomes import in_doubt, of_error, of_status, unreadable
from heliograph.providers.shared.records import find
from heliograph.providers.shared.unpublished import Unpublished

_XML_PATH: Final = re.compile(r"(?:\.//)?(?:[\w.-]+/)*@?[\w.-]+")


class UnreadableReply(Exception):
    """The reply is not what the configuration says."""


@dataclass(frozen=True, slots=True)
class ReadReply:
    """What a reply says: the id of the message where it names one, and the code where one is read."""

    id: str | None
    code: str | None


class ReplyFields(Unpublished):
    """Where the id and the code of a reply stand, and what the codes mean."""

    format: Literal["json", "xml", "text"] = Field(description="What the reply is written in.")
    id: Name = Field(
        description="Where the id of the message stands. json: a path such as data.0.id; xml: the names of "
        "elements below the root, an attribute as MID/@ID; text: the number of the piece, from 0."
    )
    separator: str = Field(default="|", min_length=1, max_length=5, description="What parts the pieces of a text.")
    code: Name | None = Field(default=None, description="Where the code stands that tells success from failure.")
    success: tuple[Code, ...] = Field(default=(), description="The codes of success.")
    errors: dict[Code, ErrorClass] = Field(
        default_factory=dict, description="What kind of refusal a code is. A code that is nowhere leaves doubt."
    )

    @model_validator(mode="after")
    def _no_code_is_both(self) -> Self:
        both = sorted(set(self.success) & self.errors.keys())
        if both:
            raise ValueError(f"the code {both[0]!r} stands among success and errors")
        return self

    @model_validator(mode="after")
    def _paths_and_codes_go_together(self) -> Self:
        if self.code is not None and not self.success:
            raise ValueError("success has to name the codes of success where code is given")
        if self.code is None and (self.success or self.errors):
            raise ValueError("code has to say where the code stands for success and errors to be of use")
        for path in filter(None, (self.id, self.code)):
            if self.format == "text" and not (path.isascii() and path.isdigit() and len(path) < 4):
                raise ValueError(f"{path!r} is not the number of a piece")
            if self.format == "xml" and not _XML_PATH.fullmatch(path):
                raise ValueError(f"{path!r} is not a path of element names, such as MID/ERROR/CODE or MID/@ID")
        return self

    def read(self, body: bytes) -> ReadReply:
        """What a reply says; `UnreadableReply` for what is not of the configured format."""
        look = _READERS[self.format](body, self.separator)
        return ReadReply(look(self.id), None if self.code is None else look(self.code))

    def outcome(self, name: str, answer: HttpAnswer) -> Outcome:
        """What became of a message. Only a known code of success, with an id, is an acceptance; what cannot be
        recognised is in doubt. `name` is the provider's."""
        try:
            reply = self.read(answer.body)
        except UnreadableReply:
            return unreadable(name, answer) if answer.is_success else of_status(name, answer)
        error_class = self.errors.get(reply.code or "")
        if error_class is not None and reply.code is not None:
            refused = ProviderError(error_class, reply.code, f"{name} reports {reply.code}")
            return of_error(refused, answer.retry_after) if answer.is_success else of_status(name, answer, refused)
        if not answer.is_success:
            return of_status(name, answer)
        if self.code is not None and reply.code not in self.success:
            code = reply.code or "none"
            return in_doubt("unknown_code", f"{name} answered with a code that is not configured: {code[:40]}")
        return Accepted(reply.id, reply.code or "accepted") if reply.id else unreadable(name, answer)


class _Json:
    def __init__(self, body: bytes, _: str) -> None:
        try:
            self._document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise UnreadableReply from error

    def __call__(self, path: str) -> str | None:
        found = find(self._document, path)
        return str(found).strip() or None if isinstance(found, str | int) and not isinstance(found, bool) else None


class _Xml:
    def __init__(self, body: bytes, _: str) -> None:
        self._root = read_xml(body)

    def __call__(self, path: str) -> str | None:
        return text_at(self._root, path)


class _Text:
    def __init__(self, body: bytes, separator: str) -> None:
        try:
            self._pieces = [piece.strip() for piece in body.decode().split(separator)]
        except UnicodeDecodeError as error:
            raise UnreadableReply from error

    def __call__(self, path: str) -> str | None:
        return self._pieces[int(path)] or None if int(path) < len(self._pieces) else None


_READERS: Final[Mapping[str, Any]] = {"json": _Json, "xml": _Xml, "text": _Text}


def read_xml(body: bytes) -> Element:
    """The root of a document without entities of its own; `UnreadableReply` for anything else."""
    try:
        root: Element = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # LookupError: an unknown encoding
        raise UnreadableReply from error
    return root


def text_at(root: Element, path: str) -> str | None:
    """The text of the element at a path such as `MID/ERROR/CODE`, or of the attribute at `MID/@TID` or `@REQID`."""
    parent, _, last = path.rpartition("/")
    if last.startswith("@"):
        element = root.find(parent) if parent else root
        text = None if element is None else element.get(last[1:])
    else:
        text = root.findtext(path)
    return (text or "").strip() or None
