"""Smart encoding: typographic characters become their GSM-7 likenesses, so that a curly quote does not halve the room.

The map is Twilio's published one in its main groups. Where it is silent or odd we decide: every wide or narrow space
becomes one space (some packages put two), a tab becomes a space instead of vanishing between two words, and the
fullwidth small letters go the way of the capitals. Nothing is guessed: accents are not stripped, no letter is dropped.
"""

from typing import Final

from heliograph.domain.message_parts import count_parts, is_gsm7

_GROUPS: Final = (
    ("«»“”„‟ʺˮ❝❞〝〞＂", '"'),
    ("‘’‛`´ʹʻʼʽˈˊˋ❛❜＇", "'"),
    ("‐‑‒―—–⁃•﹣－", "-"),
    ("…", "..."),
    ("‚、，", ","),
    ("⁄∕÷／", "/"),
    ("¼", "1/4"),
    ("½", "1/2"),
    ("¾", "3/4"),
    ("‹", "<"),
    ("›", ">"),
    ("‼", "!!"),
    ("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
)
_REMOVED: Final = "\u200b\u200c\u2060\ufeff"  # zero-width: space, non-joiner, word joiner, byte order mark
_KEPT_CONTROLS: Final = "\n\r\f\t"
_FULLWIDTH: Final = 0xFEE0  # from an ASCII character to its fullwidth form


def _replacements() -> dict[int, str]:
    table = {ord(character): likeness for group, likeness in _GROUPS for character in group}
    table |= {ord(character): "" for character in _REMOVED}
    table |= {control: "" for control in range(0x20) if chr(control) not in _KEPT_CONTROLS}
    letters_and_digits = [
        *range(ord("0"), ord("9") + 1),
        *range(ord("A"), ord("Z") + 1),
        *range(ord("a"), ord("z") + 1),
    ]
    return table | {code + _FULLWIDTH: chr(code) for code in letters_and_digits}


REPLACEMENTS: Final = _replacements()
"""Code point → what stands for it."""


def smart_encode(text: str) -> str:
    """`text` with its typographic characters replaced, when that makes it GSM-7; otherwise `text` itself.

    If anything beyond GSM-7 would remain, replacing the rest would alter the text and save nothing. Nor is it done
    when it would cost more parts, as with 70 ellipses.
    """
    if is_gsm7(text):
        return text
    encoded = text.translate(REPLACEMENTS)
    if not is_gsm7(encoded) or count_parts(encoded).parts > count_parts(text).parts:
        return text
    return encoded
