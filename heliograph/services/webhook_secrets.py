"""The secrets that sign callbacks: made by us, shown once, sealed."""

import secrets
from typing import Final
from uuid import UUID

from heliograph.secrets import KeyRing

PREFIX: Final = "hgw_"
_RANDOM_BYTES: Final = 32


def make_secret() -> str:
    """A new one: 256 random bits as text. Its characters are the key of the signature."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def seal_secret(key_ring: KeyRing, webhook_id: UUID, secret: str) -> bytes:
    """As it is stored."""
    return key_ring.seal(secret.encode(), context=_context(webhook_id))


def open_secret(key_ring: KeyRing, webhook_id: UUID, sealed: bytes) -> str:
    """As it signs; `Defect` when the key ring cannot open it."""
    return key_ring.open(sealed, context=_context(webhook_id)).decode()


def _context(webhook_id: UUID) -> bytes:
    return b"webhook:" + webhook_id.bytes
