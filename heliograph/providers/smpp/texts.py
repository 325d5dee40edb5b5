"""Texts on the way out: alphabet, parts, and how parts are tied together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import smpp34

from heliograph.domain import gsm7
from heliograph.domain.message_parts import Encoding, PartSize, is_gsm7, split
from heliograph.providers.smpp.account import SmppConfiguration
from heliograph.providers.smpp.pdu import MESSAGE_PAYLOAD, SAR_NUMBER, SAR_REFERENCE, SAR_TOTAL

GSM_7: Final = 0
LATIN_1: Final = 3
UCS_2: Final = 8
UDH: Final = 0x40
"""In esm_class: the text begins with a user data header."""
MOST_PARTS: Final = 255

_OCTETS: Final = 140  # of one part on the air
_ALONE: Final = {GSM_7: 160}
"""Octets of a text that needs no parts, by data_coding; septets are packed on the air only."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one submit_sm carries of a text."""

    octets: bytes
    data_coding: int
    esm_class: int = 0
    parameters: Sequence[smpp34.Tlv] = ()


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text, ready to be submitted."""

    pieces: Sequence[Piece]
    parts: int  # as networks count


class TooLong(Exception):
    """The text takes more parts than can be numbered."""


@dataclass(frozen=True, slots=True)
class _Room:
    """What a part has room for beside its concatenation header."""

    header: int  # octets

    @property
    def sizes(self) -> Mapping[Encoding, PartSize]:
        octets = _OCTETS - self.header
        return {Encoding.GSM_7: PartSize(160, octets * 8 // 7), Encoding.UCS_2: PartSize(70, octets // 2)}


_ROOM: Final = {"udh8": _Room(6), "udh16": _Room(7), "sar": _Room(7)}
"""A SAR reference has 16 bits, so that the SMSC may need seven octets on the air: those parts are as short."""
_SIZES: Final = {name: room.sizes for name, room in _ROOM.items()}


def cut(text: str, configuration: SmppConfiguration, reference: int) -> Pieces:
    """The text as the SMSC wants it; `UnicodeEncodeError` for a lone surrogate, `TooLong`.

    `reference` ties parts together; any number, of which the last 8 or 16 bits are used.
    """
    data_coding = _data_coding(text, configuration.alphabet)
    octets = _octets(text, data_coding)
    if len(octets) <= _ALONE.get(data_coding, _OCTETS):
        return Pieces((Piece(octets, data_coding),), 1)
    if configuration.long_messages == "payload":
        return _whole(text, octets, data_coding)
    parts = _parts(text, data_coding, configuration.long_messages)
    if len(parts) > MOST_PARTS:
        raise TooLong
    tie = _TIES[configuration.long_messages]
    pieces = [
        tie(_octets(part, data_coding), data_coding, reference, len(parts), number)
        for number, part in enumerate(parts, start=1)
    ]
    return Pieces(pieces, len(pieces))


def _data_coding(text: str, alphabet: str) -> int:
    if alphabet == "gsm7" and is_gsm7(text):
        return GSM_7
    if alphabet == "latin1" and all(character <= "\xff" for character in text):
        return LATIN_1
    return UCS_2


def _octets(text: str, data_coding: int) -> bytes:
    if data_coding == GSM_7:
        return gsm7.encode(text)
    return text.encode("latin-1" if data_coding == LATIN_1 else "utf-16-be")


def _parts(text: str, data_coding: int, long_messages: str) -> list[str]:
    """Pairs (surrogates, escapes) are never split."""
    sizes = _SIZES[long_messages]
    if data_coding == LATIN_1:
        return _sliced(text, PartSize(_OCTETS, _OCTETS - _ROOM[long_messages].header))
    if data_coding == UCS_2 and is_gsm7(text):  # by configuration: each character is one unit
        return _sliced(text, sizes[Encoding.UCS_2])
    return split(text, sizes)


def _sliced(text: str, size: PartSize) -> list[str]:
    return [text[first : first + size.joined] for first in range(0, len(text), size.joined)]


def _whole(text: str, octets: bytes, data_coding: int) -> Pieces:
    """One submit_sm, whatever the length."""
    if len(octets) > 0xFFFF:
        raise TooLong
    payload = (smpp34.Tlv(MESSAGE_PAYLOAD, octets),)
    return Pieces((Piece(b"", data_coding, parameters=payload),), len(_parts(text, data_coding, "udh8")))


def _tie_udh8(octets: bytes, data_coding: int, reference: int, total: int, number: int) -> Piece:
    return Piece(bytes([5, 0, 3, reference & 0xFF, total, number]) + octets, data_coding, UDH)


def _tie_udh16(octets: bytes, data_coding: int, reference: int, total: int, number: int) -> Piece:
    header = bytes([6, 8, 4, *(reference & 0xFFFF).to_bytes(2), total, number])
    return Piece(header + octets, data_coding, UDH)


def _tie_sar(octets: bytes, data_coding: int, reference: int, total: int, number: int) -> Piece:
    parameters = (
        smpp34.Tlv(SAR_REFERENCE, (reference & 0xFFFF).to_bytes(2)),
        smpp34.Tlv(SAR_TOTAL, bytes([total])),
        smpp34.Tlv(SAR_NUMBER, bytes([number])),
    )
    return Piece(octets, data_coding, parameters=parameters)


_TIES: Final = {"udh8": _tie_udh8, "udh16": _tie_udh16, "sar": _tie_sar}
