"""Writes an e-mail: text and HTML by the standard library, the header line by line.

The header is written here because each of its values is known to hold no control character, and because the standard
library folds and encodes what must stay whole (a long address in List-Unsubscribe, a Message-ID).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import EmailContent, OutgoingMessage, ProviderError, SenderAddress
from heliograph.providers.shared.email_headers import check_headers, check_subject
from heliograph.providers.shared.email_senders import EmailSender
from heliograph.providers.smtp.account import SmtpConfiguration
from heliograph.providers.smtp.envelope import Envelope, address_envelope, message_id, wire_address

_LINE_BREAK: Final = "\r\n"
_LONGEST_UNFOLDED: Final = 900
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_SEVEN_BIT: Final = SMTP.clone(cte_type="7bit")  # passes every relay unchanged
_CLASS_OF_FIELD: Final = {"to": ErrorClass.RECIPIENT, "address": ErrorClass.SENDER}
_DOT_AT_LINE_START: Final = re.compile(rb"(?m)^\.")


class Unmailable(Exception):
    """The message cannot be an e-mail, whichever relay it is given to."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail ready for the wire: `content` ends with a line break, its dots are stuffed, its end is not there."""

    envelope: Envelope
    message_id: str
    content: bytes


def compose(message: OutgoingMessage, sender: SenderAddress, configuration: SmtpConfiguration) -> Mail:
    """The mail; `Unmailable` when text or header cannot be one."""
    email = message.email or EmailContent(subject="")
    try:
        check_subject(email.subject)
        check_headers(email.headers)
        from_ = EmailSender.parse(sender.address)
        named = message_id(message.reference, from_.address)
        header = _LINE_BREAK.join(_header(message, email, from_, named))
        content = header.encode() + _LINE_BREAK.encode() + _body(message.body, email.html)
        envelope = address_envelope(message, from_.address, configuration)
    except InvalidInput as error:
        (broken,) = error.errors
        error_class = _CLASS_OF_FIELD.get(broken.field, ErrorClass.CONTENT)
        raise Unmailable(ProviderError(error_class, broken.code, error.detail)) from error
    except UnicodeEncodeError as error:
        raise Unmailable(ProviderError(ErrorClass.CONTENT, "not_unicode", "The text has a lone surrogate")) from error
    return Mail(envelope, named, _DOT_AT_LINE_START.sub(b"..", content))


def _header(message: OutgoingMessage, email: EmailContent, sender: EmailSender, named: str) -> Iterator[str]:
    yield f"From: {_mailbox(sender)}"
    yield f"To: {wire_address(message.to)}"
    yield f"Subject: {_text('Subject', email.subject)}"
    yield f"Date: {format_datetime(datetime.now(UTC))}"
    yield f"Message-ID: <{named}>"
    for name, value in email.headers.items():
        yield f"{name}: {_text(name, value)}"


def _mailbox(sender: EmailSender) -> str:
    address = wire_address(sender.address)
    if not sender.name:
        return address
    if not sender.name.isascii() or "=?" in sender.name:
        return f"{_encoded('From', sender.name)} <{address}>"
    name = sender.name if _PLAIN_NAME.fullmatch(sender.name) else f'"{quote(sender.name)}"'
    return f"{name} <{address}>"


def _text(name: str, text: str) -> str:
    """A value in ASCII stays as it is, unless a reader would take it for an encoded one."""
    if text.isascii() and len(text) <= _LONGEST_UNFOLDED and "=?" not in text:
        return text
    return _encoded(name, text)


def _encoded(name: str, text: str) -> str:
    text.encode()
    return Header(text, "utf-8", header_name=name).encode(linesep=_LINE_BREAK)


def _body(text: str, html: str | None) -> bytes:
    part = EmailMessage(policy=_SEVEN_BIT)
    part.set_content(text, charset="utf-8")
    if html is not None:
        part.add_alternative(html, subtype="html", charset="utf-8")
    return part.as_bytes()
