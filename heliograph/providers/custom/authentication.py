"""How the gateway knows us: what the configuration says of it, and the headers that come of it."""

import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Protocol

from pydantic import Field

from heliograph.errors import InvalidInput
from heliograph.providers.custom.access_token import OAuth2, TokenKeeper
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.custom.rules import HeaderName, Part
from heliograph.providers.custom.signatures import SignatureForm
from heliograph.providers.shared.guarded import GuardedTransport


class NoAuthentication(Part):
    """None, or by {{ secrets.name }} in the request itself."""

    needs: ClassVar[tuple[str, ...]] = ()

    kind: Literal["none"] = "none"


class Basic(Part):
    """`Authorization: Basic`, with credentials.username and credentials.password."""

    needs: ClassVar[tuple[str, ...]] = ("username", "password")

    kind: Literal["basic"]


class Bearer(Part):
    """A token in a header, with credentials.token."""

    needs: ClassVar[tuple[str, ...]] = ("token",)

    kind: Literal["bearer"]
    header: HeaderName = "Authorization"
    prefix: str = Field(default="Bearer ", pattern=r"^[\x20-\x7e]{0,40}$")


class Hmac(SignatureForm):
    """A signature over the body, with credentials.signing_key."""

    needs: ClassVar[tuple[str, ...]] = ("signing_key",)

    kind: Literal["hmac"]


Authentication = Annotated[NoAuthentication | Basic | Bearer | OAuth2 | Hmac, Field(discriminator="kind")]


def written_headers(authentication: Authentication) -> tuple[str, ...]:
    """The names of the headers that it writes."""
    if isinstance(authentication, NoAuthentication):
        return ()
    if isinstance(authentication, Basic | OAuth2):
        return ("Authorization",)
    if isinstance(authentication, Hmac) and authentication.timestamp_header is not None:
        return (authentication.header, authentication.timestamp_header)
    return (authentication.header,)


class Authenticator(Protocol):
    """Gives the headers of a request."""

    async def headers(self, body: bytes) -> Mapping[str, str]:
        """`Unauthenticated`, `BadRequest` or `UpstreamFailed` where a token is needed and not to be had."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """The gateway answered 401 to these headers: whether others may be had now."""


class _Constant:
    """The same headers for all requests."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    async def headers(self, body: bytes) -> Mapping[str, str]:  # noqa: ARG002
        return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False


class _Signing:
    """A signature over each body."""

    def __init__(self, form: SignatureForm, key: str) -> None:
        self._form = form
        self._key = key

    async def headers(self, body: bytes) -> Mapping[str, str]:
        if self._form.timestamp_header is None:
            return {self._form.header: self._form.write(self._key, body)}
        timestamp = str(int(time.time()))
        signature = self._form.write(self._key, timestamp.encode() + b"." + body)
        return {self._form.timestamp_header: timestamp, self._form.header: signature}

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        return False


def authenticator(
    authentication: Authentication, credentials: CustomCredentials, transport: GuardedTransport
) -> Authenticator:
    """What the configuration describes, with the credentials that `check_needs` found to be there."""
    if isinstance(authentication, Basic):
        pair = f"{credentials.username}:{credentials.secret('password')}"
        return _Constant({"Authorization": "Basic " + b64encode(pair.encode()).decode("ascii")})
    if isinstance(authentication, Bearer):
        return _Constant({authentication.header: authentication.prefix + credentials.secret("token")})
    if isinstance(authentication, Hmac):
        return _Signing(authentication, credentials.secret("signing_key"))
    if isinstance(authentication, OAuth2):
        return TokenKeeper(authentication, credentials, transport)
    return _Constant({})


def check_needs(credentials: CustomCredentials, needs: tuple[str, ...], what: str) -> None:
    """`InvalidInput` naming the first of these credentials that is not there; `what` needs them."""
    for field in needs:
        if not getattr(credentials, field):
            raise InvalidInput.of(f"credentials.{field}", f"is needed for {what}", "missing")
        if field in _IN_HEADERS and not credentials.secret(field).isprintable():
            raise InvalidInput.of(f"credentials.{field}", "has characters that no header can hold", "bad_secret")


_IN_HEADERS: Final = frozenset({"token"})
