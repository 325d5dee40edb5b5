"""Makes batches of messages, and takes them apart again.

A text of one's own for each recipient is a *parameter* at Sinch: the body names it, and the parameter has a value for
each number. A value has at most 160 characters, so that a longer text stands in several parameters, one behind the
other. Source: https://developers.sinch.com/docs/sms/api-reference/sms/tag/Batches/ and docs/providers/sinch.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from heliograph.providers.protocol import OutgoingMessage

LONGEST_TEXT: Final = 1600
"""Characters of a text."""
_LONGEST_VALUE: Final = 160
"""Characters of a parameter's value; of what kind is not said, so UTF-16 units, which are the most cautious count."""
_MARK: Final = "${"
"""Begins the name of a parameter in a body, so a text that has it must be a value itself."""


class ProviderId(NamedTuple):
    """Sinch names batches; a message is a batch and a number."""

    batch: str
    number: str  # digits alone, as Sinch writes numbers

    @property
    def text(self) -> str:
        """As the ledger has it."""
        return f"{self.batch}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> "ProviderId":
        """Both parts; the number is empty where there is none."""
        batch, _, number = text.partition("/")
        return cls(batch, number)


def digits(number: str) -> str:
    """A number as Sinch writes it, or another sender as it is."""
    return number.removeprefix("+")


def groups(messages: Sequence[OutgoingMessage]) -> list[list[int]]:
    """The places of messages that can share a batch: of texts with as many pieces, and each number once."""
    found: dict[tuple[int, int], list[int]] = {}
    times: dict[str, int] = {}
    for place, message in enumerate(messages):
        nth = times[message.to] = times.get(message.to, -1) + 1
        found.setdefault((len(pieces(message.body)), nth), []).append(place)
    return list(found.values())


def texts(messages: Sequence[OutgoingMessage]) -> dict[str, Any]:
    """Body and, where texts differ, parameters of a group's batch."""
    first = messages[0].body
    if _MARK not in first and all(message.body == first for message in messages):
        return {"body": first}
    values = [pieces(message.body) for message in messages]
    names = [f"t{number}" for number in range(len(values[0]))]
    return {
        "body": "".join(f"${{{name}}}" for name in names),
        "parameters": {
            name: {digits(message.to): value[place] for message, value in zip(messages, values, strict=True)}
            for place, name in enumerate(names)
        },
    }


def pieces(text: str) -> list[str]:
    """The text in pieces that fit a parameter."""
    found: list[str] = []
    begin = size = 0
    for place, character in enumerate(text):
        units = 2 if character > "\uffff" else 1
        if size + units > _LONGEST_VALUE:
            found.append(text[begin:place])
            begin, size = place, 0
        size += units
    return [*found, text[begin:]]


def text_for(batch: Mapping[str, Any], number: str) -> str:
    """What a batch, as Sinch tells of it, says to a number."""
    body = str(batch.get("body", ""))
    parameters = batch.get("parameters")
    for name, values in parameters.items() if isinstance(parameters, dict) else ():
        value = values.get(number, values.get("default", "")) if isinstance(values, dict) else ""
        body = body.replace(f"${{{name}}}", str(value))
    return body


def numbers(batch: Mapping[str, Any]) -> Iterable[str]:
    """Whom a batch went to."""
    to = batch.get("to")
    return [str(number) for number in to] if isinstance(to, list) else ()
