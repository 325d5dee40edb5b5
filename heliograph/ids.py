"""Identifiers: UUIDv7 (RFC 9562 §5.7), so that keys made one after another lie side by side in an index."""

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT_10 = 0x2 << 62
_RANDOM_A_MASK = 0xFFF
_RANDOM_B_MASK = (1 << 62) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def first_id_at(instant: datetime) -> UUID:
    """Where the ids made at `instant` (aware) or later begin, to the millisecond: what was made before is less."""
    milliseconds = -((_EPOCH - instant) // timedelta(milliseconds=1))  # rounded up
    return UUID(int=max(0, milliseconds) << 80)


def instant_of(id: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=id.int >> 80)
