"""How one value is found in an answer: JMESPath, XPath, a regular expression, or a piece of a text.

Each is checked when it is saved, and none can be made to run for long by what a gateway answers: JMESPath without
functions and constructors, which could multiply; XPath with one `//`; regular expressions by RE2, in linear time.
"""

import re
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import jmespath
import re2
from jmespath.exceptions import JMESPathError
from pydantic import Field, StringConstraints, field_validator, model_validator

from heliograph.providers.custom.documents import BAD_PATH, Document, as_text, check_path, text_at
from heliograph.providers.custom.rules import Part, broken

Expression = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]

_NAMES_ALONE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_MULTIPLYING: Final = {
    "function_expression": "a function",
    "multi_select_list": "a list constructor",
    "multi_select_dict": "an object constructor",
    "expref": "an expression reference",
}


class JsonPath(Part):
    """By JMESPath (jmespath.org): `data.id`, `messages[0].id`, `errors[?level=='fatal'] | [0].code`."""

    kind: Literal["json"]
    path: Expression

    @field_validator("path")
    @classmethod
    def _is_jmespath(cls, path: str) -> str:
        try:
            parsed = _jmespath(path).parsed
        except JMESPathError as error:
            broken(f"is not JMESPath: {str(error).splitlines()[0]}", "bad_jmespath")
        word = _multiplying(parsed)
        if word is not None:
            broken(f"{word} has no place here: a path is enough to find one value", "bad_jmespath")
        return path

    def find(self, document: Document) -> str | None:
        """The value; None where there is none, or the answer is not JSON."""
        names = _names(self.path)
        if names is None:
            try:
                return as_text(_jmespath(self.path).search(document.json))
            except (JMESPathError, TypeError, ValueError):  # a comparison of what cannot be compared, a step of 0
                return None
        value = document.json
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return as_text(value)


class XmlPath(Part):
    """By XPath, as far as Python's ElementTree knows it: `/reply/id`, `//error/@code`, `/reply/item[1]/text()`."""

    kind: Literal["xml"]
    path: Expression

    @field_validator("path")
    @classmethod
    def _is_xpath(cls, path: str) -> str:
        try:
            check_path(path)
        except BAD_PATH as error:
            broken(f"is not a path that can be followed: {error}", "bad_xpath")
        return path

    def find(self, document: Document) -> str | None:
        """The text or attribute; None where there is none, or the answer is not XML."""
        return None if document.xml is None else text_at(document.xml, self.path)


class Pattern(Part):
    """By a regular expression in RE2's syntax; the value is its first group, or all of it."""

    kind: Literal["regex"]
    pattern: Expression
    group: int = Field(default=1, ge=0, le=9, description="Which group; 0: the whole match.")

    @model_validator(mode="after")
    def _is_a_pattern(self) -> "Pattern":
        try:
            groups = _regex(self.pattern).groups
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
            broken(f"pattern is not a regular expression of RE2: {reason}", "bad_pattern")
        if self.group > groups:
            broken(f"pattern has {groups} groups, and group is {self.group}", "bad_pattern")
        return self

    def find(self, document: Document) -> str | None:
        """What the group matched first."""
        match = _regex(self.pattern).search(document.text)
        return None if match is None else as_text(match.group(self.group))


class Piece(Part):
    """By splitting: `{"separator": "|", "index": 1}` finds `b` in `a|b|c`; a negative index counts from the end."""

    kind: Literal["split"]
    separator: str = Field(min_length=1, max_length=20)
    index: int = Field(ge=-100, le=100)

    def find(self, document: Document) -> str | None:
        """The piece; None where the text has fewer."""
        pieces = document.text.split(self.separator)
        return as_text(pieces[self.index]) if -len(pieces) <= self.index < len(pieces) else None


Extractor = Annotated[JsonPath | XmlPath | Pattern | Piece, Field(discriminator="kind")]


@lru_cache(maxsize=512)
def _jmespath(path: str) -> Any:
    return jmespath.compile(path)


@lru_cache(maxsize=512)
def _names(path: str) -> tuple[str, ...] | None:
    """Of a path that only goes from name to name, as most do: followed by hand, in a tenth of the time."""
    return tuple(path.split(".")) if _NAMES_ALONE.fullmatch(path) else None


@lru_cache(maxsize=512)
def _regex(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _multiplying(node: dict[str, Any]) -> str | None:
    """What in a path could make more of an answer than there is; None when nothing could."""
    if node["type"] in _MULTIPLYING:
        return _MULTIPLYING[node["type"]]
    return next((word for child in node["children"] if isinstance(child, dict) and (word := _multiplying(child))), None)
