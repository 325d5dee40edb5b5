"""OAuth2 client credentials (RFC 6749, section 4.4): a token is kept while it lives, and asked for anew on a 401."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal
from urllib.parse import quote_plus, urlencode

import orjson
from pydantic import AfterValidator, Field, StringConstraints

from heliograph.errors import BadRequest, InvalidInput, Unauthenticated, UpstreamFailed
from heliograph.outbound.origin import Origin
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.custom.rules import Name, Part, broken
from heliograph.providers.shared.guarded import GuardedTransport
from heliograph.providers.shared.http import HttpAnswer, HttpRequest

_EARLY_SECONDS: Final = 30.0  # a token is not used in its last moments: the request has to arrive while it lives
_LIFETIME_SECONDS: Final = 300.0  # where the server does not say
_PAUSE_SECONDS: Final = 2.0  # after a refusal or failure, so that a batch of messages asks once and not each


def _is_an_address(url: str) -> str:
    try:
        Origin.of(url)
    except InvalidInput as error:
        broken(error.errors[0].rule, "bad_address")
    return url


class OAuth2(Part):
    """A bearer token from a token server, with credentials.client_id and credentials.client_secret."""

    needs: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")

    kind: Literal["oauth2"]
    token_url: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_is_an_address)]
    scope: str | None = Field(default=None, max_length=500)
    parameters: dict[Name, str] = Field(default={}, max_length=20, description="Further fields, audience for instance.")
    client_authentication: Literal["basic", "form"] = Field(
        default="basic", description="Where id and secret of the client stand: in a header, or in the form."
    )


class TokenKeeper:
    """The token of one connection, shared by its requests."""

    def __init__(self, configuration: OAuth2, credentials: CustomCredentials, transport: GuardedTransport) -> None:
        self._request = _token_request(configuration, credentials)
        self._transport = transport
        self._token = ""
        self._valid_until = 0.0
        self._failure: Unauthenticated | BadRequest | UpstreamFailed | InvalidInput | None = None
        self._failed_at = float("-inf")
        self._asking = asyncio.Lock()

    @property
    def token(self) -> str:
        """The present one, to be hidden where a request is shown; empty before the first."""
        return self._token

    async def headers(self, body: bytes) -> Mapping[str, str]:  # noqa: ARG002
        """With a token that lives; many that need one at once ask once."""
        if time.monotonic() >= self._valid_until:
            async with self._asking:
                if time.monotonic() >= self._valid_until:
                    await self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Forgets the token that was refused, unless there is another since."""
        if refused.get("Authorization") == f"Bearer {self._token}":
            self._valid_until = 0.0
        return True

    async def _renew(self) -> None:
        if self._failure is not None and time.monotonic() - self._failed_at < _PAUSE_SECONDS:
            raise self._failure
        asked_at = time.monotonic()
        try:
            self._token, lifetime = _read_token(await self._transport.fetch(self._request))
        except (Unauthenticated, BadRequest, UpstreamFailed, InvalidInput) as failure:
            self._failure, self._failed_at = failure, time.monotonic()
            raise
        self._failure = None
        self._valid_until = asked_at + max(lifetime - _EARLY_SECONDS, lifetime / 2)


def _token_request(configuration: OAuth2, credentials: CustomCredentials) -> HttpRequest:
    form = {"grant_type": "client_credentials", **configuration.parameters}
    if configuration.scope:
        form["scope"] = configuration.scope
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client_id, client_secret = credentials.secret("client_id"), credentials.secret("client_secret")
    if configuration.client_authentication == "form":
        form |= {"client_id": client_id, "client_secret": client_secret}
    else:  # RFC 6749, section 2.3.1: both encoded as a form's values first
        pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode("ascii")
    return HttpRequest("POST", configuration.token_url, headers, urlencode(form).encode())


def _read_token(answer: HttpAnswer) -> tuple[str, float]:
    """Token and seconds that it lives."""
    if answer.status in {400, 401, 403}:
        raise Unauthenticated("The token server does not accept the client's id and secret")
    if not answer.is_success:
        raise UpstreamFailed(f"The token server answered HTTP {answer.status}", code=f"http_{answer.status}")
    try:
        content = orjson.loads(answer.body)
        token, lifetime = content["access_token"], content.get("expires_in", _LIFETIME_SECONDS)
        lifetime = float(lifetime)
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise UpstreamFailed("The token server's answer has no access_token", code="unreadable_answer") from error
    if not isinstance(token, str) or not token.isprintable() or not token.isascii() or not lifetime > 0:
        raise UpstreamFailed("The token server's answer has no usable access_token", code="unreadable_answer")
    return token, lifetime
