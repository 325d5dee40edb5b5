"""How many parts an SMS takes, and where it is cut (3GPP TS 23.038 and 23.040).

A text whose characters all stand in the GSM-7 default alphabet travels in septets: 160 in a lone part, 153 in each
of several, since a concatenation header takes the rest. Ten more characters cost two septets, an escape and a code.
Any other character moves the whole text to UCS-2: UTF-16 units, 70 alone, 67 in each of several. An escape pair and
a surrogate pair are never cut: a part that would end inside one ends before it, and is one unit short.

`count_parts` runs once per message sent. What it costs for one text of 150 characters is in `docs/templates.md`.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

GSM_DEFAULT: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each. 0x1B is the escape, and no character."""

GSM_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Two septets each."""

_ESCAPE = "\x1b"


class Encoding(StrEnum):
    """How the characters of an SMS travel."""

    GSM_7 = "gsm7"
    UCS_2 = "ucs2"


@dataclass(frozen=True, slots=True)
class PartSize:
    """Units that fit: septets in GSM-7, UTF-16 units in UCS-2."""

    alone: int
    joined: int


PART_SIZES: Final = {Encoding.GSM_7: PartSize(160, 153), Encoding.UCS_2: PartSize(70, 67)}


class Parts(NamedTuple):
    """What a text costs. A named tuple, since one is made per message sent."""

    encoding: Encoding
    parts: int  # at least 1, also for the empty text
    units: int  # septets or UTF-16 units of the text, headers not counted
    units_left_in_last_part: int


class ForcingCharacter(NamedTuple):
    """A character that is not in GSM-7, and so forces UCS-2 on the whole text."""

    character: str
    name: str  # its Unicode name, else its code point
    positions: tuple[int, ...]  # character offsets, from 0


def _character_class(characters: frozenset[str], *, negated: bool = False) -> str:
    return f"[{'^' if negated else ''}{''.join(re.escape(c) for c in sorted(characters))}]"


# One C-level scan each: this is what keeps the count at a microsecond.
_find_beyond_default = re.compile(_character_class(GSM_DEFAULT, negated=True)).search
_find_forcing = re.compile(_character_class(GSM_DEFAULT | GSM_EXTENSION, negated=True)).search
_EXTENSION = re.compile(_character_class(GSM_EXTENSION))

_SIZES = {encoding: (size.alone, size.joined) for encoding, size in PART_SIZES.items()}


def is_gsm7(text: str) -> bool:
    """Whether every character is in GSM-7 or its extension table."""
    return _find_forcing(text) is None


def count_parts(text: str) -> Parts:
    """Encoding, parts and units of `text`, exactly as a network counts them."""
    if _find_beyond_default(text) is None:
        return _without_pairs(Encoding.GSM_7, len(text))
    units = _unit_string(text)
    if units.length == len(text):
        return _without_pairs(units.encoding, units.length)
    size = PART_SIZES[units.encoding]
    cuts = _cuts(units, size)
    limit = size.alone if len(cuts) == 1 else size.joined
    first, last = cuts[-1]
    return Parts(units.encoding, len(cuts), units.length, limit - (last - first))


def split(text: str, sizes: Mapping[Encoding, PartSize] = PART_SIZES) -> list[str]:
    """The parts of `text` in order, as texts; joined they equal it. The empty text is one empty part.

    `sizes` other than the usual are for a longer concatenation header.
    """
    units = _unit_string(text)
    return [units.text(first, last) for first, last in _cuts(units, sizes[units.encoding])]


def forcing_characters(text: str) -> list[ForcingCharacter]:
    """The characters that force UCS-2, in order of first appearance; empty for a GSM-7 text."""
    if is_gsm7(text):
        return []
    positions: dict[str, list[int]] = {}
    for position, character in enumerate(text):
        if character not in GSM_DEFAULT and character not in GSM_EXTENSION:
            positions.setdefault(character, []).append(position)
    return [ForcingCharacter(c, _name_of(c), tuple(found)) for c, found in positions.items()]


def _name_of(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}")


def _without_pairs(encoding: Encoding, units: int) -> Parts:
    """Without pairs every part but the last is full, so that arithmetic is enough."""
    alone, joined = _SIZES[encoding]
    if units <= alone:
        return Parts(encoding, 1, units, alone - units)
    parts = -(-units // joined)
    return Parts(encoding, parts, units, parts * joined - units)


@dataclass(frozen=True, slots=True)
class _Septets:
    """One character per septet: extension characters carry their escape. An escape itself is not in GSM-7."""

    septets: str
    encoding: ClassVar[Encoding] = Encoding.GSM_7

    @property
    def length(self) -> int:
        return len(self.septets)

    def pair_begins_at(self, unit: int) -> bool:
        return self.septets[unit] == _ESCAPE

    def text(self, first: int, last: int) -> str:
        return self.septets[first:last].replace(_ESCAPE, "")


@dataclass(frozen=True, slots=True)
class _Utf16Units:
    """Two bytes per unit, little-endian."""

    data: bytes
    encoding: ClassVar[Encoding] = Encoding.UCS_2

    @property
    def length(self) -> int:
        return len(self.data) >> 1

    def pair_begins_at(self, unit: int) -> bool:
        return 0xD8 <= self.data[2 * unit + 1] <= 0xDB  # the high byte of a high surrogate

    def text(self, first: int, last: int) -> str:
        return self.data[2 * first : 2 * last].decode("utf-16-le", "surrogatepass")


def _unit_string(text: str) -> _Septets | _Utf16Units:
    if is_gsm7(text):
        return _Septets(_EXTENSION.sub(_ESCAPE + r"\g<0>", text))
    return _Utf16Units(text.encode("utf-16-le", "surrogatepass"))


def _cuts(units: _Septets | _Utf16Units, size: PartSize) -> list[tuple[int, int]]:
    """First and last (exclusive) unit of each part; no pair lies across two."""
    length = units.length
    if length <= size.alone:
        return [(0, length)]
    cuts = []
    first = 0
    while first < length:
        last = min(first + size.joined, length)
        if last < length and units.pair_begins_at(last - 1):
            last -= 1
        cuts.append((first, last))
        first = last
    return cuts
