"""The GSM-7 default alphabet as octets (3GPP TS 23.038): one septet in an octet, as SMPP and its like carry it."""

from typing import Final

from heliograph.domain.message_parts import is_gsm7

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""By code. 0x1B is the escape, and no character."""
_EXTENSION: Final = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\",
    0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
"""After an escape."""
_ESCAPE: Final = 0x1B

_TO_OCTETS: Final = {
    **{ord(character): chr(code) for code, character in enumerate(_BASIC) if code != _ESCAPE},
    **{ord(character): chr(_ESCAPE) + chr(code) for code, character in _EXTENSION.items()},
}


def encode(text: str) -> bytes:
    """The octets of a text; ValueError for one that is not in GSM-7."""
    if not is_gsm7(text):
        raise ValueError("the text has characters that are not in the GSM-7 alphabet")
    return text.translate(_TO_OCTETS).encode("ascii")


def decode(octets: bytes) -> str:
    """The text of octets, whatever they are.

    An escape before a code without an extension gives the code's own character, as 23.038 wants it; an escape at the
    end nothing; an octet beyond 127, which is none of this alphabet, the replacement character.
    """
    characters: list[str] = []
    escaped = False
    for octet in octets:
        if octet == _ESCAPE and not escaped:
            escaped = True
            continue
        characters.append(_character(octet, escaped=escaped))
        escaped = False
    return "".join(characters)


def _character(octet: int, *, escaped: bool) -> str:
    if escaped and octet in _EXTENSION:
        return _EXTENSION[octet]
    if octet == _ESCAPE:
        return " "  # escape twice: reserved for a further table, shown as a space
    return _BASIC[octet] if octet < len(_BASIC) else "\ufffd"
