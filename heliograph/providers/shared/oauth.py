"""OAuth 2.0 with client credentials (RFC 6749 §4.4): a token is kept, and renewed when it is refused."""

import asyncio
import time
from base64 import b64encode
from dataclasses import replace
from typing import Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import HeliographError, Rejected, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import InDoubt, NotProcessed, ProviderError
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport

_RENEWED_BEFORE_SECONDS: Final = 60.0
_WRONG_CREDENTIALS: Final = frozenset({400, 401, 403})
"""RFC 6749 §5.2 has 400 for most errors, 401 for a client that is not known."""


class Tokens:
    """The access token of one client. Raises `Unauthenticated` or `UpstreamFailed`."""

    def __init__(self, transport: HttpTransport, url: str, client_id: str, client_secret: str) -> None:
        basic = b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
        self._transport = transport
        self._request = HttpRequest(
            "POST",
            url,
            {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"},
            b"grant_type=client_credentials",
        )
        self._token: str | None = None
        self._good_until = 0.0
        self._lock = asyncio.Lock()

    async def current(self, refused: str | None = None) -> str:
        """A token, asked for when there is none, when it is about to expire, or when it is the `refused` one."""
        async with self._lock:  # one of many tasks asks, the others wait for its answer
            if self._token is None or self._token == refused or time.monotonic() >= self._good_until:
                self._token = None
                self._token, self._good_until = await self._ask()
            return self._token

    async def _ask(self) -> tuple[str, float]:
        name = self._transport.name
        answer = await self._transport.fetch(self._request)
        if answer.status in _WRONG_CREDENTIALS:
            raise Unauthenticated(f"{name} does not accept the credentials")
        content = answer.json_object() if answer.is_success else None
        token = (content or {}).get("access_token")
        if not isinstance(token, str) or not token:
            raise UpstreamFailed(f"{name} answered HTTP {answer.status} without an access token")
        seconds = (content or {}).get("expires_in")
        lasts = float(seconds) if isinstance(seconds, int | float) else float("inf")
        return token, time.monotonic() + max(0.0, lasts - _RENEWED_BEFORE_SECONDS)


class TokenTransport:
    """An `HttpTransport` that adds the token. A request refused with 401 was not processed: it goes once more."""

    def __init__(self, transport: HttpTransport, tokens: Tokens) -> None:
        self._transport = transport
        self._tokens = tokens

    async def send(self, request: HttpRequest, valid_until: float) -> HttpAnswer | NotProcessed | InDoubt:
        """As `HttpTransport.send`; without a token the message is not processed."""
        try:
            token = await self._tokens.current()
            answer = await self._transport.send(_with(request, token), valid_until)
            if isinstance(answer, HttpAnswer) and answer.status == 401:
                token = await self._tokens.current(refused=token)
                answer = await self._transport.send(_with(request, token), valid_until)
        except HeliographError as error:
            kind = ErrorClass.AUTH if isinstance(error, Rejected) else ErrorClass.NOT_PROCESSED
            return NotProcessed(ProviderError(kind, "no_token", f"No access token: {error.detail}"))
        return answer

    async def ask(self, request: HttpRequest) -> HttpAnswer:
        """As `HttpTransport.ask`."""
        token = await self._tokens.current()
        answer = await self._transport.fetch(_with(request, token))
        if answer.status == 401:
            token = await self._tokens.current(refused=token)
            answer = await self._transport.fetch(_with(request, token))
        if not answer.is_success:
            raise self._transport.refusal(answer)
        return answer


def _with(request: HttpRequest, token: str) -> HttpRequest:
    return replace(request, headers={**request.headers, "Authorization": f"Bearer {token}"})
