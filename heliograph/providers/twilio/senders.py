"""The kinds of Twilio senders and the format rules of each (requirement A2.1). Nothing here asks Twilio."""

import re
from collections.abc import Sequence
from typing import Final

import phonenumbers

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import SenderKind

LONG_CODE: Final = "long_code"
SHORT_CODE: Final = "short_code"
ALPHANUMERIC: Final = "alphanumeric"
MESSAGING_SERVICE: Final = "messaging_service"

_FIELD = "address"
_ALPHANUMERIC_LENGTH = 11
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9 ]+")
_MESSAGING_SERVICE = re.compile(r"MG[A-Za-z0-9]*")


def _check_long_code(address: str) -> str:
    try:
        number = phonenumbers.parse(address)
    except phonenumbers.NumberParseException as error:
        raise InvalidInput.of(_FIELD, "a long code is a phone number with its country code, as +12015550123") from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidInput.of(_FIELD, "a long code must be a valid phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _check_short_code(address: str) -> str:
    address = address.strip()
    if not address:
        raise InvalidInput.of(_FIELD, "a short code must not be empty")
    return address


def _check_messaging_service(address: str) -> str:
    address = address.strip()
    if not _MESSAGING_SERVICE.fullmatch(address):
        raise InvalidInput.of(_FIELD, "a messaging service begins with MG and has only ASCII letters and digits")
    return address


def _check_alphanumeric(address: str) -> str:
    address = address.strip()
    if not _ALPHANUMERIC.fullmatch(address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has only ASCII letters, digits and spaces")
    if len(address) > _ALPHANUMERIC_LENGTH:
        raise InvalidInput.of(_FIELD, f"an alphanumeric sender has at most {_ALPHANUMERIC_LENGTH} characters")
    if not any(character.isalpha() for character in address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has at least one letter: digits alone are not allowed")
    return address


SENDER_KINDS: Final[Sequence[SenderKind]] = (
    SenderKind(LONG_CODE, "Long code", _check_long_code),
    SenderKind(SHORT_CODE, "Short code", _check_short_code),
    SenderKind(ALPHANUMERIC, "Alphanumeric sender", _check_alphanumeric),
    SenderKind(MESSAGING_SERVICE, "Messaging service", _check_messaging_service),
)
