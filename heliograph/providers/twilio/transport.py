"""Twilio's HTTP client made for our hot path: one pool, no needless work, and nothing written after the lease.

Twilio's client (`twilio.rest.Client`) stays what builds requests and reads answers; this class takes the place of its
`AsyncTwilioHttpClient.request`, which per call formats log lines, rebuilds credentials and has no time limit.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import ClientConnectionResetError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from yarl import URL

_FORM: Final = "application/x-www-form-urlencoded"
_NO_ADDRESS: Final = URL("/")
_IDLE_SECONDS: Final = 10.0  # below the idle limits of usual servers, so that they seldom close what we are writing to


class LeaseExpired(Exception):
    """The claim of the message ran out before its request was written; nothing was written."""


class Exchange:
    """One send: until when it may be written, whether it was, and what came back."""

    __slots__ = ("retry_after", "status", "valid_until", "written")

    def __init__(self, valid_until: float) -> None:
        self.valid_until = valid_until
        self.written = False
        self.status: int | None = None
        self.retry_after: str | None = None

    @property
    def expired(self) -> bool:
        """Whether the lease ran out before anything was written."""
        return not self.written and time.monotonic() >= self.valid_until

    def abandon(self) -> None:
        """Forbids writing from now on, whatever is still under way."""
        self.valid_until = float("-inf")


CURRENT_EXCHANGE: ContextVar[Exchange | None] = ContextVar("twilio_exchange", default=None)
"""Carries the exchange through Twilio's client, which has no room for it."""


class _LeasedForm(BytesPayload):
    """A form whose bytes are handed to the socket only while its lease holds.

    aiohttp keeps the request's head in a buffer until the first bytes of the body and writes both with one call, so
    this is the last of our code before `transport.write`: a process that is frozen and goes on later stops here. Only
    the few microseconds between this check and the system call remain.
    """

    def __init__(self, value: bytes, exchange: Exchange) -> None:
        super().__init__(value, content_type=_FORM)
        self._exchange = exchange

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:  # noqa: ARG002
        """Writes head and body, or raises with nothing written."""
        transport = getattr(writer, "transport", None)
        if transport is None or transport.is_closing():
            raise ClientConnectionResetError("the connection closed before the request was written")
        exchange = self._exchange
        if time.monotonic() >= exchange.valid_until:
            raise LeaseExpired
        exchange.written = True
        await writer.write(self._value)


class Transport(AsyncTwilioHttpClient):  # type: ignore[misc]  # Twilio's client has no types
    """What `twilio.rest.Client` sends its requests with.

    `api_url` stands in for all of Twilio's hosts (the simulator); None leaves them as they are. The pool opens with the
    first request, in the event loop of that request.
    """

    def __init__(self, *, username: str, password: str, api_url: str | None, timeout: float, pool_size: int) -> None:
        super().__init__(pool_connections=False, timeout=timeout)
        self._authorization = "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")
        self._api_url = None if api_url is None else api_url.rstrip("/")
        self._pool_size = pool_size
        self._closed = False
        self.session: ClientSession | None = None
        self._address = lru_cache(maxsize=64)(self._rewritten)

    def _rewritten(self, url: str) -> URL:
        if self._api_url is None:
            return URL(url)
        path = url.split("/", 3)[3]  # https: / (nothing) / host / path
        return URL(f"{self._api_url}/{path}")

    def _open_session(self) -> ClientSession:
        if self._closed:
            raise ClientConnectionResetError("the connection to Twilio is closed")
        if self.session is None:
            self.session = ClientSession(
                connector=TCPConnector(limit=self._pool_size, keepalive_timeout=_IDLE_SECONDS),
                timeout=ClientTimeout(total=self.timeout),
                cookie_jar=DummyCookieJar(),
            )
        return self.session

    async def request(  # the signature is Twilio's
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,  # noqa: ARG002  # ours, built once
        timeout: float | None = None,  # noqa: ARG002  # the pool's, which is never none
        allow_redirects: bool = False,
    ) -> Response:
        """One request and its answer. aiohttp repeats no POST by itself, and redirects are not followed."""
        session = self.session or self._open_session()
        exchange = CURRENT_EXCHANGE.get()
        headers = headers or {}
        headers["Authorization"] = self._authorization
        try:
            async with session.request(
                method,
                self._address(url),
                params=params,
                data=_body(data, exchange),
                headers=headers,
                allow_redirects=allow_redirects,
            ) as answer:
                if exchange is not None:
                    exchange.status = answer.status
                    exchange.retry_after = answer.headers.get("Retry-After")
                text = (await answer.read()).decode(errors="replace")
                return Response(answer.status, text, answer.headers)
        except asyncio.CancelledError as error:
            # aiohttp cancels who waits for a connection when the pool is closed; that is no cancellation of the task.
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise ClientConnectionResetError("the connection to Twilio was closed") from error
            raise

    async def close(self) -> None:
        """Closes the pool; calls under way end with an error, later ones fail at once."""
        self._closed = True
        session, self.session = self.session, None
        if session is not None:
            await session.close()


def _body(data: Mapping[str, Any] | None, exchange: Exchange | None) -> bytes | BytesPayload | None:
    if not data:
        return None
    if exchange is None:
        return urlencode(data, doseq=True).encode("ascii")
    return _LeasedForm(_encoded(data), exchange)


def _encoded(form: Mapping[str, str]) -> bytes:
    """A form of texts, encoded in C: `urlencode` takes a fifth of the time that a whole message takes.

    yarl drops lone surrogates silently; they are refused first, with `UnicodeEncodeError`, as `urlencode` does.
    """
    for text in form.values():
        if not text.isascii():
            text.encode()
    return _NO_ADDRESS.with_query(form).raw_query_string.encode("ascii")
