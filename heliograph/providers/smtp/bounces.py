"""Reads what comes back to the envelope sender: delivery reports (RFC 3464) and complaints (RFC 5965).

A message is named by the envelope id, by its Message-ID, or by the address that the report came to: whichever of them
is there and is ours.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeAlias

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderError, ProviderRequest, StatusReport, parse_reference
from heliograph.providers.shared.mail_status import class_of_bounce, find_status
from heliograph.providers.smtp.account import SmtpConfiguration
from heliograph.providers.smtp.envelope import Reference, reference_of_address, reference_of_message_id
from heliograph.providers.smtp.replies import words

_STATES: Final = {
    "delivered": MessageState.DELIVERED,
    "relayed": MessageState.SENT,  # gone on to a server that reports nothing
    "expanded": MessageState.SENT,  # gone on to several addresses
    "delayed": MessageState.ACCEPTED,
    "failed": MessageState.UNDELIVERED,
}
_RETURNED: Final = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_CAME_TO: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
_COMPLAINED: Final = ProviderError(ErrorClass.OPT_OUT, "complaint", "The recipient reported the message as unwanted")
_MOST_RECIPIENTS: Final = 20

_Mail: TypeAlias = "Message[Any, Any]"


def read_returned_mail(request: ProviderRequest, configuration: SmtpConfiguration) -> Sequence[StatusReport]:
    """The reports in a mail that came back; none in what is no report (an absence note), or about no message of ours.

    `InvalidInput` for what is no mail at all.
    """
    mail: _Mail = message_from_bytes(request.body, policy=compat32)
    if "From" not in mail and "Return-Path" not in mail:
        raise InvalidInput.of("body", "is a mail as it arrived, its header included (message/rfc822)")
    if mail.get_content_type() != "multipart/report":
        return ()
    parts = {part.get_content_type(): part for part in reversed(_parts(mail))}
    reference, message_id = _named(mail, parts, configuration)
    if reference is None:
        return ()
    at = _date(mail)
    if "message/delivery-status" in parts:
        recipients = _parts(parts["message/delivery-status"])[1 : 1 + _MOST_RECIPIENTS]
        found = [_recipient_report(block, reference, message_id, at) for block in recipients]
        return [report for report in found if report is not None]
    if "message/feedback-report" in parts and _is_complaint(parts["message/feedback-report"]):
        return (StatusReport(message_id, "complaint", MessageState.DELIVERED, reference, 0, _COMPLAINED, at),)
    return ()


def _recipient_report(block: _Mail, reference: Reference, message_id: str, at: datetime | None) -> StatusReport | None:
    """What a group of per-recipient fields says; None for an action that RFC 3464 does not have."""
    action = _field(block, "Action").lower()
    state = _STATES.get(action)
    if state is None:
        return None
    error = _error(block) if state is MessageState.UNDELIVERED else None
    return StatusReport(message_id, action, state, reference, error=error, occurred_at=at)


def _error(block: _Mail) -> ProviderError:
    diagnostic = _field(block, "Diagnostic-Code").partition(";")[2].strip()
    status = find_status(_field(block, "Status"))
    if status is None or status[1:] == (0, 0):
        status = find_status(diagnostic) or status
    if status is None:
        return ProviderError(ErrorClass.DELIVERY, "failed", words(diagnostic) or "The mail came back")
    code = ".".join(map(str, status))
    return ProviderError(class_of_bounce(status), code, words(diagnostic) or f"The mail came back with {code}")


def _is_complaint(part: _Mail) -> bool:
    return any(_field(block, "Feedback-Type").lower() in _COMPLAINTS for block in _parts(part))


def _named(mail: _Mail, parts: dict[str, _Mail], configuration: SmtpConfiguration) -> tuple[Reference | None, str]:
    """The message that a report is about, and its Message-ID where the report quotes it."""
    quoted = next((_quoted_message_id(part) for kind, part in parts.items() if kind in _RETURNED), "")
    envelope_ids = (_field(block, "Original-Envelope-Id") for block in _parts(parts.get("message/delivery-status")))
    candidates = (
        *(parse_reference(text) for text in envelope_ids),
        reference_of_message_id(quoted),
        *(reference_of_address(address, configuration.bounce_address) for address in _came_to(mail)),
    )
    return next((reference for reference in candidates if reference is not None), None), quoted.strip("<> ")


def _quoted_message_id(part: _Mail) -> str:
    """Of the mail that came back, whole or its header alone."""
    if part.is_multipart():
        return _field(_parts(part)[0], "Message-ID") if _parts(part) else ""
    content = part.get_payload(decode=True)
    return _field(message_from_bytes(content, policy=compat32), "Message-ID") if isinstance(content, bytes) else ""


def _came_to(mail: _Mail) -> Iterator[str]:
    for name in _CAME_TO:
        for value in mail.get_all(name, []):
            yield str(value)


def _parts(mail: "_Mail | None") -> list[_Mail]:
    content = mail.get_payload() if mail is not None else None
    return [part for part in content if isinstance(part, Message)] if isinstance(content, list) else []


def _field(block: _Mail, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _date(mail: _Mail) -> datetime | None:
    """When the report was written, by the clock of who wrote it."""
    try:
        at = parsedate_to_datetime(_field(mail, "Date"))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
