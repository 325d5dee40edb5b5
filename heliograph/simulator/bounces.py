"""Delivery reports by mail, as a mail server writes them (RFC 3464) and hands them on to a callback address."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final

from heliograph.simulator.delivery import Callback
from heliograph.simulator.messages import AcceptedMessage
from heliograph.simulator.statuses import DELIVERED, FAILED, UNDELIVERED

_TEXTS: Final = {
    "4.4.7": "delivery time expired",
    "5.0.0": "the message could not be delivered",
    "5.1.1": "no such user here",
    "5.1.2": "no such domain",
    "5.7.1": "refused by policy",
}
_CODES: Final = {30003: "4.4.7", 30004: "5.7.1", 30005: "5.1.1", 30006: "5.1.2", 30007: "5.7.1"}
"""Of the `realistic` preset, which speaks Twilio's numbers. Scripts for mail write 5.1.1 as 511."""
_HEADERS: Final = b"User-Agent: simulated mail server\r\nContent-Type: message/rfc822\r\n"


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """What a server keeps of a mail, to be able to report on it."""

    sender: str  # the envelope's
    message_id: str
    envelope_id: str = ""
    notify: frozenset[str] = frozenset()  # empty: failures


def word_bounce(message: AcceptedMessage, status: int, url: str, path: ReturnPath) -> Sequence[Callback]:
    """The report on a failure; on a delivery only where it was asked for."""
    if status in {UNDELIVERED, FAILED} and (not path.notify or "FAILURE" in path.notify):
        code = _enhanced(message.error_code)
        return (_report(message, url, path, "failed", code, _TEXTS.get(code, "refused")),)
    if status == DELIVERED and "SUCCESS" in path.notify:
        return (_report(message, url, path, "delivered", "2.0.0", "delivered"),)
    return ()


def _enhanced(code: int) -> str:
    return ".".join(str(code)) if 400 <= code <= 599 else _CODES.get(code, "5.0.0")


def _report(message: AcceptedMessage, url: str, path: ReturnPath, action: str, code: str, text: str) -> Callback:
    boundary = f"report-{message.sid}"
    envelope_id = [f"Original-Envelope-Id: {path.envelope_id}"] if path.envelope_id else []
    lines = [
        "Return-Path: <>",
        f"Date: {formatdate(message.final_at)}",
        "From: Mail Delivery System <mailer-daemon@simulator.example>",
        f"To: {path.sender}",
        "Subject: Delivery report",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"{message.to}: {text}",
        "",
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; simulator.example",
        *envelope_id,
        "",
        f"Final-Recipient: rfc822; {message.to}",
        f"Action: {action}",
        f"Status: {code}",
        f"Diagnostic-Code: smtp; {'250' if action == 'delivered' else '550'} {code} {text}",
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
        f"Message-ID: <{path.message_id}>",
        f"To: {message.to}",
        "",
        f"--{boundary}--",
        "",
    ]
    return Callback(url, "\r\n".join(lines).encode(), _HEADERS)
