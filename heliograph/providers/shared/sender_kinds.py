"""Kinds of senders that most SMS providers have, and the format rules of each. Nothing here asks a provider."""

import re
from typing import Final

import phonenumbers

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import SenderKind

_FIELD: Final = "address"
_ALPHANUMERIC_LENGTH: Final = 11
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9 ]+")


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


def _check_alphanumeric(address: str) -> str:
    address = address.strip()
    if not _ALPHANUMERIC.fullmatch(address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has only ASCII letters, digits and spaces")
    if len(address) > _ALPHANUMERIC_LENGTH:
        raise InvalidInput.of(_FIELD, f"an alphanumeric sender has at most {_ALPHANUMERIC_LENGTH} characters")
    if not any(character.isalpha() for character in address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has at least one letter: digits alone are not allowed")
    return address


LONG_CODE: Final = SenderKind("long_code", "Long code", _check_long_code)
SHORT_CODE: Final = SenderKind("short_code", "Short code", _check_short_code)
ALPHANUMERIC: Final = SenderKind("alphanumeric", "Alphanumeric sender", _check_alphanumeric)
