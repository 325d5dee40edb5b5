"""Encrypts every Temporal payload under the key ring; ids stay readable only to who may decode."""

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from heliograph.secrets import KeyRing

ENCODING = b"binary/heliograph-aes-gcm"
_CONTEXT = b"temporal"


class EncryptionCodec(PayloadCodec):
    """AES-GCM over the whole payload. Payloads that are not ours (the UI's own) pass through."""

    def __init__(self, key_ring: KeyRing) -> None:
        self._key_ring = key_ring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seals each payload, metadata included."""
        return [
            Payload(
                metadata={"encoding": ENCODING},
                data=self._key_ring.seal(payload.SerializeToString(), context=_CONTEXT),
            )
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Opens what `encode` sealed."""
        return [self._decode(payload) for payload in payloads]

    def _decode(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        return Payload.FromString(self._key_ring.open(payload.data, context=_CONTEXT))
