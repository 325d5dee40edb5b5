"""The key ring: AES-256-GCM with the key's id in front, so that keys can be rotated by sealing anew.

Sealed form: one byte length of the key id, the key id, 12 bytes nonce, ciphertext with its 16-byte tag.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from heliograph.errors import Defect, InvalidInput
from heliograph.settings import Settings

_NONCE_BYTES = 12
_KEY_BYTES = 32


@dataclass(frozen=True)
class KeyRing:
    """Seals with its first key, opens with any."""

    keys: Mapping[str, bytes] = field(repr=False)

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """`context` names what the secret belongs to; it must be the same when it is opened."""
        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(_NONCE_BYTES)
        name = key_id.encode()
        return bytes([len(name)]) + name + nonce + AESGCM(key).encrypt(nonce, plain, context)

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """The plain bytes; `Defect` when the key is missing or the bytes were tampered with."""
        name, rest = _key_and_rest(sealed)
        key = self.keys.get(name)
        if key is None:
            raise Defect(f"the key {name!r} is not in HELIOGRAPH_MASTER_KEYS: add it back to open what it sealed")
        try:
            return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:  # ValueError: cut off within its nonce
            raise Defect("a sealed secret does not belong here or was changed") from error

    def sealed_by_current(self, sealed: bytes) -> bool:
        """Whether the first key sealed it; if not, opening and sealing anew rotates it."""
        return _key_and_rest(sealed)[0] == next(iter(self.keys))


def _key_and_rest(sealed: bytes) -> tuple[str, bytes]:
    """The key's id, whatever bytes were put in its place, and what follows it."""
    end = 1 + (sealed[0] if sealed else 0)
    return sealed[1:end].decode(errors="replace"), sealed[end:]


def parse_key_ring(text: str) -> KeyRing:
    """`id:base64,id:base64`, the first key seals."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key_id, separator, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not separator or not key_id or len(key_id) > 64 or len(key) != _KEY_BYTES:
            raise InvalidInput.of("HELIOGRAPH_MASTER_KEYS", "each entry is id:base64 of exactly 32 bytes")
        keys[key_id] = key
    if not keys:
        raise InvalidInput.of("HELIOGRAPH_MASTER_KEYS", "holds no key")
    return KeyRing(keys)


def load_key_ring(settings: Settings) -> KeyRing:
    """The configured ring, or the one kept in the data directory, made at first use (mode 0600)."""
    if settings.master_keys is not None:
        return parse_key_ring(settings.master_keys.get_secret_value())
    return parse_key_ring(_local_key(settings.data_dir / "master-keys"))


def _local_key(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text("local:" + base64.b64encode(os.urandom(_KEY_BYTES)).decode())
    try:
        os.link(fresh, path)  # atomic: of two processes that start together, one wins
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text()
