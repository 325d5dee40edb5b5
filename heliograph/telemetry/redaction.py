"""Takes phone numbers, e-mail addresses, message bodies and secrets out of any text that leaves as telemetry.

One scan from left to right: what must stay readable (UUIDs, instants, IP addresses, decimals) is recognised first
and passed on, so that the patterns after it cannot cut it. The patterns prefer to hide too much: a bare number of
nine digits or more goes, because nothing tells it from a phone number. Counts up to 99,999,999 pass. What no text
can tell: a local number of eight digits or fewer, and a number without `+` written like a decimal or an IP address.
"""

import re
from typing import Final

_SEPARATOR: Final = r"[ \t\u00a0\u2000-\u200f\u202f\u2060\u2010-\u2015\u2212\-.()\[\]/_~*]"
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_KEYS: Final = r"(?:api|master|private|access|signing)[_-]?keys?"
_SECRET_NAMES: Final = (
    rf"pass(?:word|wd|phrase)?|(?:[a-z]{{1,20}}[_-]){{0,4}}(?:secret|token|password|{_KEYS})|authorization|credentials?"
)
_VALUE: Final = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:bearer|basic)\s+[^\s,;]+|[^\s,;&)\]}]+)"""
_TEXT: Final = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\n]+)"""

_RULES: Final = (
    # -- secrets, and what a message says
    ("secret_url", r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"),
    ("secret_callback", r"(?<=/callbacks/)[^/\s?#{]+"),
    ("secret_scheme", r"\b(?:Bearer|Basic)\s+[\w.~+/=-]{6,}"),
    ("body", rf"""(?<![\w])["']?(?:message_)?body["']?\s*[=:]\s*{_TEXT}"""),
    ("secret_pair", rf"""(?<![\w])["']?(?:{_SECRET_NAMES})["']?\s*[=:]\s*{_VALUE}"""),
    ("secret_sid", r"\b(?:AC|SK)[0-9a-fA-F]{32}\b"),
    ("secret_jwt", r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),
    # -- what must stay readable
    ("keep_uuid", r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])"),
    ("secret_hex", r"(?<![0-9A-Za-z])(?:[0-9a-f]{32}|[0-9A-F]{32})(?![0-9A-Za-z])"),  # a Twilio auth token
    ("email", r"[\w.+%'’&*/=?^{|}~!#$-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    (
        "keep_instant",
        r"(?<![\d+])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
        r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d(?!\d))?"
        r"(?![\d:])|(?![\d-]))",
    ),
    ("keep_address", rf"(?<![\d+.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.])"),
    ("keep_decimal", r"(?<![\w+.])(?:0|[1-9]\d{0,9})\.\d{1,9}(?![\d.])"),
    # -- phone numbers: with an international prefix, then anything long enough to be one
    (
        "phone_international",
        rf"(?:[+＋⁺﹢]|%2[Bb]|(?<!\w)00(?=\W*[1-9])){_SEPARATOR}{{0,3}}\d(?:{_SEPARATOR}{{0,3}}\d){{5,}}",
    ),
    ("phone_bare", rf"(?<![^\W_])\d(?:{_SEPARATOR}{{0,3}}\d){{8,}}"),
)
_PATTERN: Final = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _RULES), re.IGNORECASE)
_SUSPECT: Final = re.compile(
    r"\d{2}|@|\W[a-z]{0,2}\d|pass|secret|token|key|body|auth|credential|bearer|basic|eyJ", re.IGNORECASE
)


_LONGEST: Final = 20_000
"""Characters of one text that are kept: repetitions in the patterns are bounded, and so is the whole."""


def redacted(text: str) -> str:
    """`text` with every phone number, e-mail address, body and secret replaced by `[what it was]`."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} … [{len(text) - _LONGEST} characters left out]"
    if _SUSPECT.search(text) is None:
        return text
    return _PATTERN.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    kind = (match.lastgroup or "").partition("_")[0]
    return match.group() if kind == "keep" else f"[{kind}]"
