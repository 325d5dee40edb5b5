"""How many segments Twilio would bill. On its own feet, so that it can witness against the engine's own count."""

from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
_GSM: Final = _BASIC | _EXTENDED


def count_segments(text: str) -> int:
    """Segments of a text: GSM-7 where every character allows it, else UCS-2; no pair is split."""
    characters = set(text)
    if characters <= _GSM:
        if len(text) <= 160 and characters.isdisjoint(_EXTENDED):
            return 1
        return _pack([2 if character in _EXTENDED else 1 for character in text], single=160, several=153)
    return _pack([2 if character > "\uffff" else 1 for character in text], single=70, several=67)


def _pack(sizes: list[int], *, single: int, several: int) -> int:
    if sum(sizes) <= single:
        return 1
    segments, used = 1, 0
    for size in sizes:
        if used + size > several:
            segments, used = segments + 1, 0
        used += size
    return segments
