"""Requests in the two forms of IP2SMS."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import orjson

from heliograph.providers.ip2sms.configuration import Ip2smsConfiguration
from heliograph.providers.protocol import OutgoingMessage, SenderAddress

XML: Final = "text/xml; charset=utf-8"
JSON: Final = "application/json; charset=utf-8"
_NOT_IN_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEEP: Final = {"\r": "&#13;"}  # a reader of XML would make a line feed of it


def can_be_written(body: str, configuration: Ip2smsConfiguration) -> bool:
    """Whether the form has all characters of the text: XML has no control characters."""
    return configuration.format == "json" or _NOT_IN_XML.search(body) is None


def to_send(messages: Sequence[OutgoingMessage], sender: SenderAddress, configuration: Ip2smsConfiguration) -> bytes:
    """A request for one message (`single`) or several (`individual`); `uniq_key` is the reference of the first."""
    service = {
        "id": "single" if len(messages) == 1 else "individual",
        "source": sender.address,
        "uniq_key": messages[0].reference if configuration.unique_keys else None,
        "validity": configuration.validity,
        "type": "SMS",
        "desc": configuration.description,
    }
    given = {name: value for name, value in service.items() if value is not None}
    return _json(messages, given) if configuration.format == "json" else _xml(messages, given)


def to_ask(provider_message_id: str, configuration: Ip2smsConfiguration) -> bytes:
    """A request for the state of one message."""
    if configuration.format == "json":
        return orjson.dumps({"extended": True, "id": _number(provider_message_id), "value": "state"})
    return f"<request id={quoteattr(provider_message_id)}>status</request>".encode()


def to_ask_group(group: str, configuration: Ip2smsConfiguration) -> bytes | None:
    """A request for the states of all messages of a group; None where it is not known how to ask."""
    if configuration.format == "json":
        return orjson.dumps({"extended": True, "groupid": _number(group), "value": "details"})
    if configuration.xml_group_request is None:
        return None
    return f"<request groupid={quoteattr(group)}>{configuration.xml_group_request}</request>".encode()


def _xml(messages: Sequence[OutgoingMessage], service: Mapping[str, str]) -> bytes:
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in service.items())
    texts = "".join(
        f'<to>{_digits(each.to)}</to><body content-type="text/plain" encoding="plain">{escape(each.body, _KEEP)}</body>'
        for each in messages
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><message><service {attributes}/>{texts}</message>'.encode()


def _json(messages: Sequence[OutgoingMessage], service: Mapping[str, str]) -> bytes:
    content: dict[str, Any] = {**service, "extended": True}
    if len(messages) == 1:
        content["to"] = [{"msisdn": _digits(messages[0].to)}]
        content["body"] = {"value": messages[0].body}
    else:
        content["to"] = [{"msisdn": _digits(each.to), "body": {"value": each.body}} for each in messages]
    return orjson.dumps(content)


def _digits(number: str) -> str:
    return number.removeprefix("+")


def _number(text: str) -> int | str:
    """Ids are numbers in JSON; one that is none is left as it is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text
