"""The kinds of SMPP senders, their format rules, and how each is addressed."""

import re
from collections.abc import Sequence
from typing import Final

from heliograph.domain.phone_numbers import PhoneNumber, normalise_number
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import SenderAddress, SenderKind
from heliograph.providers.smpp.account import Numbering, SmppConfiguration

LONG_CODE: Final = "long_code"
SHORT_CODE: Final = "short_code"
ALPHANUMERIC: Final = "alphanumeric"

_FIELD: Final = "address"
_SHORT_CODE: Final = re.compile(r"[0-9]{2,8}")
_ALPHANUMERIC: Final = re.compile(r"[A-Za-z0-9 ._&-]+")
_ALPHANUMERIC_LENGTH: Final = 11  # of a name on the air (3GPP TS 23.040, 9.1.2.5)


def _check_long_code(address: str) -> str:
    number = normalise_number(address, None)
    if not isinstance(number, PhoneNumber):
        raise InvalidInput.of(_FIELD, "a long code is a valid phone number with its country code, as +12015550123")
    return number.e164


def _check_short_code(address: str) -> str:
    address = address.strip()
    if not _SHORT_CODE.fullmatch(address):
        raise InvalidInput.of(_FIELD, "a short code has 2 to 8 digits")
    return address


def _check_alphanumeric(address: str) -> str:
    address = address.strip()
    if not _ALPHANUMERIC.fullmatch(address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has only ASCII letters, digits, spaces and . _ & -")
    if len(address) > _ALPHANUMERIC_LENGTH:
        raise InvalidInput.of(_FIELD, f"an alphanumeric sender has at most {_ALPHANUMERIC_LENGTH} characters")
    if not any(character.isalpha() for character in address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has at least one letter")
    return address


SENDER_KINDS: Final[Sequence[SenderKind]] = (
    SenderKind(LONG_CODE, "Long code", _check_long_code),
    SenderKind(SHORT_CODE, "Short code", _check_short_code),
    SenderKind(ALPHANUMERIC, "Alphanumeric sender", _check_alphanumeric),
)


def source_of(sender: SenderAddress, configuration: SmppConfiguration) -> tuple[str, Numbering]:
    """A sender as submit_sm has it: phone numbers without their plus."""
    if sender.kind == SHORT_CODE:
        return sender.address, configuration.short_code
    if sender.kind == ALPHANUMERIC:
        return sender.address, configuration.alphanumeric
    return sender.address.removeprefix("+"), configuration.long_code
