"""Sinch's signature of callbacks, where the account has one.

Source: the verification in Sinch's own Python SDK (`validate_sinch_event_signature_with_nonce`).
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

SIGNATURE: Final = "x-sinch-webhook-signature"
NONCE: Final = "x-sinch-webhook-signature-nonce"
TIMESTAMP: Final = "x-sinch-webhook-signature-timestamp"


def sign(secret: str, body: bytes, nonce: str, timestamp: str) -> str:
    """What Sinch writes for this body, nonce and timestamp."""
    signed = b".".join((body, nonce.encode("latin-1", "replace"), timestamp.encode("latin-1", "replace")))
    return b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode("ascii")


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the holder of the secret signed this body. Its age does not matter: repeated reports do no harm."""
    claimed, nonce, timestamp = headers.get(SIGNATURE, ""), headers.get(NONCE), headers.get(TIMESTAMP)
    if nonce is None or timestamp is None or not claimed.isascii():
        return False
    return hmac.compare_digest(sign(secret, body, nonce, timestamp), claimed)
