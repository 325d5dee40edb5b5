"""Texts on the way in: what the octets of a deliver_sm say, and which part of which message they are."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import smpp34

from heliograph.domain import gsm7
from heliograph.providers.protocol import InboundMessage, InboundPart
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.pdu import MESSAGE_PAYLOAD, SAR_NUMBER, SAR_REFERENCE, SAR_TOTAL, parameters
from heliograph.providers.smpp.texts import UDH

_INTERNATIONAL: Final = 1
_UNKNOWN_TON: Final = 0
_SHORTEST_INTERNATIONAL: Final = 8  # digits; fewer are a short code
_CODECS: Final = {
    1: "ascii", 2: "latin-1", 3: "latin-1", 4: "latin-1", 5: "shift_jis", 6: "iso8859_5", 7: "iso8859_8",
    8: "utf-16-be", 10: "iso2022_jp", 13: "euc_jp", 14: "euc_kr",
}  # fmt: skip
"""By data_coding (SMPP 3.4, 5.2.19). 2 and 4 are octets without a meaning: shown one character each."""
_OF_CLASS: Final = {0: None, 1: "latin-1", 2: "utf-16-be", 3: "latin-1"}
"""By the alphabet bits of a GSM data coding scheme; None: the SMSC's default alphabet."""

_NO_TEXT: Final = frozenset(range(0x20)) - frozenset(b"\t\n\r")

# Where a reference comes from, so that the same number in another size is another message.
_IN_16_BITS: Final = 1 << 16
_IN_PARAMETERS: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class _Place:
    reference: int
    total: int
    number: int


def read_message(message: smpp34.DeliverSm, configuration: SmppConfiguration) -> InboundMessage:
    """A message from a person, or a part of one."""
    octets, place = _content(message)
    address = international(message.source_addr, message.source_addr_ton)
    codec = _codec(message.data_coding, configuration.default_alphabet)
    if place is None:
        return InboundMessage("", address, message.destination_addr, decode(codec, octets))
    part = InboundPart(place.reference, place.number, place.total, octets, partial(decode, codec))
    return InboundMessage("", address, message.destination_addr, "", part=part)


def international(address: str, ton: int) -> str:
    """A phone number in E.164; an address of another kind as it is."""
    digits = address.removeprefix("+").removeprefix("00") if ton in {_INTERNATIONAL, _UNKNOWN_TON} else ""
    known = ton == _INTERNATIONAL or len(digits) >= _SHORTEST_INTERNATIONAL
    if digits.isascii() and digits.isdigit() and not digits.startswith("0") and known:
        return f"+{digits}"
    return address


def decode(codec: str | None, octets: bytes) -> str:
    """The text; what cannot be read becomes the replacement character.

    Some SMSCs say IA5 of octets in GSM-7; control characters, of which a text has none, give them away.
    """
    if codec == "ascii" and not _NO_TEXT.isdisjoint(octets):
        codec = None
    return gsm7.decode(octets) if codec is None else octets.decode(codec, "replace")


def _codec(data_coding: int, default_alphabet: str) -> str | None:
    default = None if default_alphabet == "gsm7" else "latin-1"
    if data_coding == 0:
        return default
    if data_coding in _CODECS:
        return _CODECS[data_coding]
    if data_coding >= 0xF0:  # a message class: bit 2 tells 8-bit data
        return "latin-1" if data_coding & 0x04 else default
    if data_coding < 0x80:
        return _OF_CLASS[data_coding >> 2 & 0x03] or default
    return default


def _content(message: smpp34.DeliverSm) -> tuple[bytes, _Place | None]:
    """The octets of the text without their header, and which part they are."""
    found = parameters(message)
    octets = message.short_message or found.get(MESSAGE_PAYLOAD, b"")
    place = None
    if message.esm_class & UDH and octets:
        header, octets = octets[1 : 1 + octets[0]], octets[1 + octets[0] :]
        place = _in_header(header)
    if place is None and SAR_REFERENCE in found:
        numbers = [int.from_bytes(found.get(tag, b"")) for tag in (SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER)]
        place = _Place(_IN_PARAMETERS + (numbers[0] & 0xFFFF), numbers[1], numbers[2])
    if place is None or place.total < 2 or place.total > 255 or not 1 <= place.number <= place.total:
        return octets, None
    return octets, place


def _in_header(header: bytes) -> _Place | None:
    """The concatenation element of a user data header (3GPP TS 23.040, 9.2.3.24); other elements are passed over."""
    while len(header) >= 2:
        kind, length = header[0], header[1]
        element, header = header[2 : 2 + length], header[2 + length :]
        if kind == 0x00 and len(element) == 3:
            return _Place(element[0], element[1], element[2])
        if kind == 0x08 and len(element) == 4:
            return _Place(_IN_16_BITS + int.from_bytes(element[:2]), element[2], element[3])
    return None
