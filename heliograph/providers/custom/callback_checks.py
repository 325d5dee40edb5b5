"""Who sent a callback: what the configuration asks for as proof."""

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.custom.rules import HeaderName, Part
from heliograph.providers.custom.signatures import SignatureForm
from heliograph.providers.protocol import ProviderRequest


class SecretAddress(Part):
    """Nothing but the address, which is a secret."""

    needs: ClassVar[tuple[str, ...]] = ()

    kind: Literal["address"] = "address"

    def proves(self, request: ProviderRequest, credentials: CustomCredentials) -> bool:  # noqa: ARG002
        """Who knows the address may call."""
        return True


class SharedSecret(Part):
    """credentials.callback_secret in a header."""

    needs: ClassVar[tuple[str, ...]] = ("callback_secret",)

    kind: Literal["header"]
    header: HeaderName

    def proves(self, request: ProviderRequest, credentials: CustomCredentials) -> bool:
        """Whether the header has the secret."""
        return _same(request.headers.get(self.header.lower(), ""), credentials.secret("callback_secret"))


class BasicAccess(Part):
    """Basic access with credentials.callback_username and credentials.callback_secret."""

    needs: ClassVar[tuple[str, ...]] = ("callback_username", "callback_secret")

    kind: Literal["basic"]

    def proves(self, request: ProviderRequest, credentials: CustomCredentials) -> bool:
        """Whether name and password are right."""
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = b64decode(encoded.strip(), validate=True).decode()
        except (Base64Error, ValueError):
            return False
        wanted = f"{credentials.callback_username}:{credentials.secret('callback_secret')}"
        return scheme.lower() == "basic" and _same(given, wanted)


class Signature(SignatureForm):
    """An HMAC over the body with credentials.callback_secret."""

    needs: ClassVar[tuple[str, ...]] = ("callback_secret",)

    kind: Literal["hmac"]

    def proves(self, request: ProviderRequest, credentials: CustomCredentials) -> bool:
        """Whether the holder of the key signed these bytes."""
        content = request.body
        if self.timestamp_header is not None:
            timestamp = request.headers.get(self.timestamp_header.lower(), "")
            content = timestamp.encode("utf-8", "surrogatepass") + b"." + content
        written = self.write(credentials.secret("callback_secret"), content)
        given = request.headers.get(self.header.lower(), "")
        if self.encoding == "hex":  # in small or capital letters
            given, written = given.lower(), written.lower()
        return _same(given, written)


CallbackCheck = Annotated[SecretAddress | SharedSecret | BasicAccess | Signature, Field(discriminator="kind")]


def _same(given: str, wanted: str) -> bool:
    """In a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass"))
