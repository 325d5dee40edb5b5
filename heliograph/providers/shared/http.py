"""HTTP for providers: one pool per connection, nothing written after the lease, nothing repeated, no redirect followed.

`HttpTransport.send` is for messages and never raises: it gives the answer, or the outcome that no answer means. Whether
a request with a body was written is known for certain, because its body is handed over by our own code, last of all.
`HttpTransport.ask` is for questions that do no harm (credentials, balance, polls), and raises errors of our tree.
"""

import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    ClientClosedError,
    PyreqwestError,
    RequestError,
    RequestTimeoutError,
)
from pyreqwest.request import StreamRequest

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, FieldError, NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.protocol import ConnectionOptions, InDoubt, NotProcessed, ProviderError

LONGEST_ANSWER: Final = 2**20
"""Bytes; what is longer is not read, and no answer."""

_IDLE: Final = timedelta(
    seconds=10
)  # below the idle limits of usual servers, so that they seldom close what we write to
_NOT_CONNECTED: Final = "client error (Connect)"
"""What the HTTP client calls everything that fails before there is a connection to write to. Its own classes of errors
do not tell: an answer that does not come in time is a `ConnectTimeoutError` to it as well."""
_CONNECTING_SHARE: Final = 0.5  # of the time limit: a server that is not there is told from one that does not answer


class NotARequest(Exception):
    """Address or headers are not such: a host, key or token with characters that do not belong there."""


class LeaseExpired(Exception):
    """The claim of the message ran out before its request was written; nothing was written."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. The address has its query in it, encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer that was read to its end."""

    status: int
    body: bytes
    retry_after: float | None = None  # seconds

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body in UTF-8; what is none becomes replacement characters."""
        return self.body.decode(errors="replace")

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is anything else."""
        try:
            content = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return content if isinstance(content, dict) else None


class _LeasedBody:
    """A body whose bytes are handed over only while its lease holds.

    The client asks for them when the connection stands and the head of the request is on its way: without the body no
    server acts on that. A process that is frozen and goes on later stops here, unless it was frozen while the bytes
    went from here to the client's own thread: microseconds, or as long as that thread waits for a processor.
    """

    __slots__ = ("_content", "_valid_until", "written")

    def __init__(self, content: bytes, valid_until: float) -> None:
        self._content = content
        self._valid_until = valid_until
        self.written = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """The one piece."""
        if time.monotonic() >= self._valid_until:
            raise LeaseExpired
        self.written = True
        yield self._content

    def abandon(self) -> None:
        """Forbids writing from now on, whatever is still under way."""
        self._valid_until = -math.inf


class HttpTransport:
    """What the connections of one connector send with; used by many tasks at once. `name` is the provider's."""

    def __init__(self, name: str, options: ConnectionOptions) -> None:
        self.name = name
        self._options = options
        self._client: Client | None = None
        self._closed = False

    async def send(self, request: HttpRequest, valid_until: float) -> HttpAnswer | NotProcessed | InDoubt:
        """One request for a message, and its answer, whatever its status; `valid_until` by `time.monotonic()`."""
        if time.monotonic() >= valid_until:
            return _lease_expired()
        if self._closed:  # known here, while a request without a body that was under way may have been written
            return _connection_closed()
        body = None if not request.body else _LeasedBody(request.body, valid_until)
        try:
            return await self._exchange(request, body)
        except LeaseExpired:
            return _lease_expired()
        except NotARequest:  # it holds for every message alike, so the run pauses
            text = "The request cannot be made: check the connector's addresses and keys"
            return NotProcessed(ProviderError(ErrorClass.ACCOUNT, "bad_request", text))
        except PyreqwestError as error:
            return self._unanswered(error, body)
        finally:
            if body is not None:
                body.abandon()

    async def ask(self, request: HttpRequest) -> HttpAnswer:
        """A 2xx answer; else `Unauthenticated`, `NotFound`, `BadRequest` or `UpstreamFailed`."""
        answer = await self.fetch(request)
        if answer.is_success:
            return answer
        raise self.refusal(answer)

    async def fetch(self, request: HttpRequest) -> HttpAnswer:
        """The answer to something harmless, whatever its status; `UpstreamFailed` when there is none."""
        body = None if not request.body else _LeasedBody(request.body, math.inf)
        try:
            return await self._exchange(request, body)
        except NotARequest as error:
            raise BadRequest(f"{self.name} cannot be asked: check the connector's addresses and keys") from error
        except PyreqwestError as error:
            raise UpstreamFailed(f"{self.name} could not be reached, or did not answer in time") from error

    def refusal(
        self, answer: HttpAnswer, rule: str | None = None
    ) -> Unauthenticated | NotFound | BadRequest | UpstreamFailed:
        """The error of our tree that an answer other than 2xx means; `rule` is the provider's reason in our words."""
        status = answer.status
        if status in {401, 403}:
            return Unauthenticated(f"{self.name} does not accept the credentials")
        if status == 404:
            return NotFound(f"{self.name} does not have it", code="not_found_at_provider")
        if status in {408, 429} or status >= 500 or status < 400:
            return UpstreamFailed(f"{self.name} answered HTTP {status}")
        rule = rule or f"{self.name} refuses it with HTTP {status}"
        return BadRequest(f"{self.name}: {rule}", errors=[FieldError("provider", rule, f"http_{status}")])

    async def aclose(self) -> None:
        """Closes the pool; calls under way end with an error, later ones fail at once."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _exchange(self, request: HttpRequest, body: _LeasedBody | None) -> HttpAnswer:
        async with self._build(request, body) as response:
            content = bytes(await response.body_reader.read(LONGEST_ANSWER + 1) or b"")
            if len(content) > LONGEST_ANSWER:
                raise RequestError(f"the answer is longer than {LONGEST_ANSWER} bytes", {"causes": None})
            return HttpAnswer(response.status, content, retry_after(response.get_header("retry-after")))

    def _build(self, request: HttpRequest, body: _LeasedBody | None) -> StreamRequest:
        if self._closed:
            raise ClientClosedError("the connection is closed", {"causes": None})
        if self._client is None:
            self._client = _open_client(self._options)
        try:
            builder = self._client.request(request.method, request.url).headers(request.headers)
            if body is not None and request.body:
                builder = builder.header("Content-Length", str(len(request.body))).body_stream(body.pieces())
            return builder.build_streamed()
        except ValueError as error:
            raise NotARequest(str(error)) from error

    def _unanswered(self, error: PyreqwestError, body: _LeasedBody | None) -> NotProcessed | InDoubt:
        """What no readable answer means: the question is whether the request was written."""
        written = _may_be_written(error) if body is None else body.written
        timed_out = isinstance(error, RequestTimeoutError)
        if written:
            what = "timeout" if timed_out else "connection_lost"
            return InDoubt(
                ProviderError(ErrorClass.UNKNOWN_OUTCOME, what, "The request was written, and no readable answer came")
            )
        if timed_out:
            return _not_processed("connect_timeout", f"{self.name} could not be reached in time")
        if isinstance(error, ClientClosedError):
            return _connection_closed()
        return _not_processed("connect", f"{self.name} could not be connected to")


def base_url(options: ConnectionOptions, key: str, host: str) -> str:
    """Where a provider's paths begin: its host (with scheme), or its place at the simulator."""
    if options.simulator_url is None:
        return host.rstrip("/")
    return f"{options.simulator_url.rstrip('/')}/{key}"


def retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which is a number or an HTTP date; None where there is none to read."""
    if header is None:
        return None
    header = header.strip()
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - datetime.now(UTC).timestamp())


def _open_client(options: ConnectionOptions) -> Client:
    timeout = timedelta(seconds=options.timeout)
    return (
        ClientBuilder()
        .timeout(timeout)
        .connect_timeout(timeout * _CONNECTING_SHARE)
        .pool_timeout(timeout)
        .max_connections(options.max_connections)
        .pool_max_idle_per_host(options.max_connections)
        .pool_idle_timeout(_IDLE)
        .follow_redirects(False)
        .referer(False)
        .default_cookie_store(False)
        .no_proxy()
        .user_agent("Heliograph")
        .build()
    )


def _may_be_written(error: PyreqwestError) -> bool:
    """Of a request without a body, which the client writes by itself: yes, unless it surely was not."""
    if not isinstance(error, RequestError) or isinstance(error, ClientClosedError):
        return True
    causes = error.details["causes"] or []
    return all(cause["message"] != _NOT_CONNECTED for cause in causes)


def _lease_expired() -> NotProcessed:
    return _not_processed("lease_expired", "The claim ran out before the request was written")


def _connection_closed() -> NotProcessed:
    return _not_processed("connection_closed", "The connection was closed before the request was written")


def _not_processed(code: str, text: str) -> NotProcessed:
    return NotProcessed(ProviderError(ErrorClass.NOT_PROCESSED, code, text))
