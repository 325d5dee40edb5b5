"""Reads the answers of IP2SMS in both forms into one shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree.ElementTree import Element

from heliograph.providers.shared.configured_reply import UnreadableReply, read_xml
from heliograph.providers.shared.http import HttpAnswer


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says of one message."""

    id: str  # '' where it names none
    state: str  # the provider's own word
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """An answer: of one message, or of a group with one entry a message."""

    messages: Sequence[Told]
    group: str = ""  # '' outside groups
    date: datetime | None = None


def read(answer: HttpAnswer, form: str) -> Status:
    """The answer; `UnreadableReply` for what is not of this form, or says nothing of a message."""
    if form == "xml":
        return _of_xml(read_xml(answer.body))
    document = answer.json_object()
    if document is None:
        raise UnreadableReply
    return _of_json(document)


def _of_xml(root: Element) -> Status:
    """`<status id date><state/></status>`, or a group: id and state in turn, below `<detail>` when asked for later."""
    if root.tag != "status":
        raise UnreadableReply
    group, date = root.get("groupid", ""), _date(root.get("date"))
    details = root.findall("detail")
    if details:
        return Status([told for detail in details for told in _pairs(detail)], group, date)
    told = _pairs(root)
    if not told:
        raise UnreadableReply
    if not group and len(told) == 1 and not told[0].id:
        told = [Told(root.get("id", ""), told[0].state, told[0].error)]
    return Status(told, group, date)


def _pairs(parent: Element) -> list[Told]:
    """Each state with the id before it. A message that was rejected may have none."""
    found: list[Told] = []
    named = ""
    for child in parent:
        text = (child.text or "").strip()
        if child.tag == "id":
            named = text
        elif child.tag == "state" and text:
            found.append(Told(named, text, child.get("error")))
            named = ""
    return found


def _of_json(document: Mapping[str, Any]) -> Status:
    group, date = _text(document.get("groupid")), _date(document.get("date"))
    detail = document.get("detail")
    if isinstance(detail, list):
        return Status([_told(each) for each in detail if isinstance(each, Mapping)], group, date)
    if "state" not in document and "error" in document:
        return Status([Told("", "Rejected", _reason(document["error"]))], group, date)
    return Status([_told(document)], group, date)


def _told(document: Mapping[str, Any]) -> Told:
    state = document.get("state")
    word = state.get("value") if isinstance(state, Mapping) else state
    if not isinstance(word, str) or not word.strip():
        raise UnreadableReply
    error = state.get("error") if isinstance(state, Mapping) else None
    reason = error if error is not None else document.get("error")
    return Told(_text(document.get("id")), word.strip(), None if reason is None else _reason(reason))


def _reason(error: object) -> str:
    if isinstance(error, Mapping):
        error = error.get("value") or error.get("message") or ""
    return error.strip() if isinstance(error, str) else ""


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _date(text: object) -> datetime | None:
    """As in mails: "Thu, 16 Apr 2020 10:33:38 +0300"; None where there is none to read."""
    if not isinstance(text, str):
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
