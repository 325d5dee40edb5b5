"""The envelope of an e-mail: from whom, to whom, and by which signs its bounce will name it.

A bounce names its message up to three times: by the address it comes to (VERP), by the envelope id that servers with
DSN give back (RFC 3461), and by the Message-ID of the mail that it quotes. Each holds our reference.
"""

import re
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Final
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import OutgoingMessage, parse_reference
from heliograph.providers.smtp.account import SmtpConfiguration

_MESSAGE_ID: Final = re.compile(r"<?\s*([0-9a-fA-F-]{36}\.[0-9]{1,4})@[^<>\s@]+\s*>?")
_MAILBOX: Final = re.compile(r"[^\s<>\x00-\x20\x7f]{1,256}@[^\s<>@\x00-\x20\x7f]{1,255}")
_NOTIFY: Final = {"failures": "FAILURE,DELAY", "all": "SUCCESS,FAILURE,DELAY"}

Reference = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message, one recipient. Addresses as they stand on the wire."""

    sender: str
    recipient: str
    international: bool  # needs SMTPUTF8
    reference: str
    notify: str | None

    def mail_options(self, extensions: frozenset[str], size: int) -> list[str]:
        """The parameters of MAIL FROM that a server with these extensions takes."""
        options = [f"SIZE={size}"] if "size" in extensions else []
        if self.international:
            options += ["BODY=8BITMIME", "SMTPUTF8"]
        if "dsn" in extensions and self.notify is not None:
            options += ["RET=HDRS", f"ENVID={self.reference}"]
        return options

    def recipient_options(self, extensions: frozenset[str]) -> list[str]:
        """The parameters of RCPT TO."""
        return [f"NOTIFY={self.notify}"] if "dsn" in extensions and self.notify is not None else []


def address_envelope(message: OutgoingMessage, sender_address: str, configuration: SmtpConfiguration) -> Envelope:
    """The envelope of a message; `InvalidInput` for an address that cannot stand in one."""
    recipient = wire_address(message.to)
    if not _MAILBOX.fullmatch(recipient):
        raise InvalidInput.of("to", "is an e-mail address without spaces, brackets or control characters", "address")
    sender = envelope_sender(sender_address, configuration)
    if configuration.verp:
        local_part, _, domain = sender.rpartition("@")
        sender = f"{local_part}+{message.message_id.hex}.{message.attempt}@{domain}"
    return Envelope(
        sender=sender,
        recipient=recipient,
        international=not (recipient.isascii() and sender.isascii()),
        reference=message.reference,
        notify=_NOTIFY.get(configuration.delivery_notices or ""),
    )


def envelope_sender(sender_address: str, configuration: SmtpConfiguration) -> str:
    """Where bounces go, VERP apart."""
    return configuration.bounce_address or wire_address(sender_address)


@lru_cache(maxsize=256)
def wire_address(address: str) -> str:
    """The address in ASCII where that can be: an international domain has an ASCII form, a local part has none."""
    if address.isascii():
        return address
    try:
        checked = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return address
    return checked.ascii_email or checked.normalized


def message_id(reference: str, sender_address: str) -> str:
    """The Message-ID without its angle brackets: our reference at the sender's domain."""
    domain = wire_address(sender_address).rpartition("@")[2]
    return f"{reference}@{domain}"


def reference_of_message_id(text: str) -> Reference | None:
    """The message and attempt that a Message-ID names, where it is one of ours."""
    found = _MESSAGE_ID.fullmatch(text.strip())
    return parse_reference(found[1]) if found else None


def reference_of_address(text: str, bounce_address: str | None) -> Reference | None:
    """The message and attempt that a VERP address names, where it is one of this connector."""
    if bounce_address is None:
        return None
    base, _, domain = bounce_address.lower().rpartition("@")
    local_part, _, of_domain = parseaddr(text)[1].lower().rpartition("@")
    prefix, plus, named = local_part.rpartition("+")
    if not plus or prefix != base or of_domain != domain:
        return None
    return parse_reference(named)
