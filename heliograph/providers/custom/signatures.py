"""HMAC over exact bytes, as gateways want it or give it."""

import hmac
from base64 import b64encode
from typing import Literal

from pydantic import Field

from heliograph.providers.custom.rules import HeaderName, Part


class SignatureForm(Part):
    """How a signature is made and written."""

    header: HeaderName = Field(description="The header that it stands in.")
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = Field(default="", max_length=40, description='What stands before it, "sha256=" for instance.')
    timestamp_header: HeaderName | None = Field(
        default=None, description='A header with Unix seconds. With it "<timestamp>.<body>" is signed, else the body.'
    )

    def write(self, key: str, content: bytes) -> str:
        """The header's value for this content."""
        digest = hmac.digest(key.encode(), content, self.algorithm)
        return self.prefix + (digest.hex() if self.encoding == "hex" else b64encode(digest).decode("ascii"))
