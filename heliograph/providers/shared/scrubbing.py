"""Providers' own words without personal data: they often repeat the recipient's number or address."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"\+?\(?\d(?:[\s().-]*\d){5,}")  # six digits and more, however they are set
_ADDRESS: Final = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_LONGEST: Final = 300


def scrub(text: str) -> str:
    """The text without anything that looks like a phone number or an e-mail address, cut to 300 characters."""
    return _NUMBER.sub("<number>", _ADDRESS.sub("<address>", text))[:_LONGEST]
