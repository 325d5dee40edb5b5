"""Sinch's delivery reports and inbound messages, from callbacks and from answers."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import InboundMessage, StatusReport, parse_reference
from heliograph.providers.shared.instants import read_instant
from heliograph.providers.sinch.batches import ProviderId, digits
from heliograph.providers.sinch.meanings import STATES, UNSUCCESSFUL, delivery_error

_OF_RECIPIENTS: Final = frozenset({"recipient_delivery_report_sms", "recipient_delivery_report_mms"})
_OF_BATCHES: Final = frozenset({"delivery_report_sms", "delivery_report_mms"})
_INBOUND: Final = frozenset({"mo_text", "mo_binary", "mo_media"})
_LONGEST_NAME: Final = 100


def read_object(body: bytes) -> dict[str, Any]:
    """A JSON object; `InvalidInput` for anything else."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.of("body", "is not JSON") from error
    if not isinstance(content, dict):
        raise InvalidInput.of("body", "is not a JSON object")
    return content


def read_reports(content: Mapping[str, Any]) -> Sequence[StatusReport]:
    """The reports of one object, on one recipient or many; `InvalidInput` naming the field and the rule it breaks.

    A summary that names no recipients says nothing of any message.
    """
    kind = content.get("type")
    batch = _name(content, "batch_id")
    reference = parse_reference(str(content.get("client_reference") or ""))
    if kind in _OF_RECIPIENTS:
        recipient = digits(_name(content, "recipient"))
        return (_report(content, batch, recipient, reference, read_instant(content.get("at"))),)
    if kind not in _OF_BATCHES:
        raise InvalidInput.of("type", "is not that of a delivery report")
    return tuple(_of_batch(content, batch, reference))


def read_inbound(content: Mapping[str, Any]) -> Sequence[InboundMessage]:
    """The message in a callback; none for media and binary messages, which have no text."""
    kind = content.get("type")
    if kind not in _INBOUND:
        raise InvalidInput.of("type", f"is one of {', '.join(sorted(_INBOUND))}")
    if kind != "mo_text":
        return ()
    body = content.get("body", "")
    if not isinstance(body, str):
        raise InvalidInput.of("body", "is a text")
    sender = digits(_name(content, "from"))
    return (
        InboundMessage(
            provider_message_id=_name(content, "id"),
            address=f"+{sender}" if sender.isdigit() else sender,
            to=_name(content, "to"),
            body=body,
            received_at=read_instant(content.get("received_at")),
        ),
    )


def _of_batch(content: Mapping[str, Any], batch: str, reference: tuple[UUID, int] | None) -> Iterator[StatusReport]:
    statuses = content.get("statuses")
    if not isinstance(statuses, list) or not all(isinstance(status, dict) for status in statuses):
        raise InvalidInput.of("statuses", "is a list of objects")
    for status in statuses:
        recipients = status.get("recipients") or []
        if not isinstance(recipients, list):
            raise InvalidInput.of("statuses.recipients", "is a list of numbers")
        for recipient in recipients:
            yield _report(status, batch, digits(str(recipient)[:_LONGEST_NAME]), reference, None)


def _report(
    content: Mapping[str, Any],
    batch: str,
    recipient: str,
    reference: tuple[UUID, int] | None,
    occurred_at: datetime | None,
) -> StatusReport:
    status = content.get("status")
    state = STATES.get(status.lower()) if isinstance(status, str) else None
    if state is None:
        raise InvalidInput.of("status", f"is one of {', '.join(STATES)}")
    code = _code(content.get("code"))
    return StatusReport(
        provider_message_id=ProviderId(batch, recipient).text,
        provider_status=str(status),
        state=state,
        reference=reference,
        error=delivery_error(code, str(status)) if state in UNSUCCESSFUL else None,
        occurred_at=occurred_at,
    )


def _code(value: object) -> int | None:
    """A number, which some of Sinch's examples have as a text."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    raise InvalidInput.of("code", "is a number")


def _name(content: Mapping[str, Any], field: str) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise InvalidInput.of(field, f"is a text of at most {_LONGEST_NAME} characters")
    return value
