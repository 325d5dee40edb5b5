"""Senders of gateways for India: the header that recipients see, registered on DLT."""

import re
from collections.abc import Callable
from typing import Final

from heliograph.errors import InvalidInput

FIELD: Final = "address"
_HEADER: Final = re.compile(r"[A-Za-z0-9]+")


def header_check(*, shortest: int = 1, longest: int) -> Callable[[str], str]:
    """A check for headers of ASCII letters and digits, so many of them."""

    def check(address: str) -> str:
        address = address.strip()
        if not _HEADER.fullmatch(address):
            raise InvalidInput.of(FIELD, "a header has only ASCII letters and digits")
        if not shortest <= len(address) <= longest:
            size = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
            raise InvalidInput.of(FIELD, f"a header has {size} characters")
        return address

    return check
