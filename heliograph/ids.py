"""Identifiers: UUIDv7 (RFC 9562 §5.7), so that keys made one after another lie side by side in an index."""

import os
import time
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT_10 = 0x2 << 62
_RANDOM_A_MASK = 0xFFF
_RANDOM_B_MASK = (1 << 62) - 1


def new_id() -> UUID:
    """A UUIDv7: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    return UUID(
        int=milliseconds << 80
        | _VERSION_7
        | ((random >> 62) & _RANDOM_A_MASK) << 64
        | _VARIANT_10
        | random & _RANDOM_B_MASK
    )
