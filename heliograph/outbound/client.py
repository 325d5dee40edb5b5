"""An HTTP client for addresses that users give. It resolves names itself and connects to the address that it checked.

What it never does: follow a redirect (a 3xx is an answer like any other), use a proxy, keep cookies, unpack an answer,
read one beyond its limit, wait beyond its time, repeat a request.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from pyreqwest.client import Client
from pyreqwest.exceptions import BuilderError, DetailedPyreqwestError, PyreqwestError, RequestTimeoutError
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from heliograph.errors import InvalidInput, UnknownOutcome, UpstreamFailed
from heliograph.outbound.origin import Origin, origin_of
from heliograph.outbound.pools import Pools
from heliograph.outbound.reach import Reach

ANSWER_LIMIT: Final = 256 * 1024
"""Bytes of an answer. A gateway's has hundreds."""

_NOT_CONNECTED: Final = "client error (Connect)"
"""What hyper calls everything that fails before there is a connection to write to."""


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """What is to be written."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. `headers`: by their names in small or capital letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OutboundClient:
    """Used by many tasks at once; `async with` it, or close it. `timeout`: seconds for a whole request and answer."""

    def __init__(
        self,
        *,
        timeout: float,
        reachable: Collection[str] = (),
        max_connections: int = 64,
        answer_limit: int = ANSWER_LIMIT,
    ) -> None:
        self._timeout = timeout
        self._answer_limit = answer_limit
        self._slots = asyncio.Semaphore(max_connections)  # not the pool's own limit: a wait there would outlast a lease
        self._pools = Pools(Reach(reachable), timeout=timeout)

    async def send(self, request: OutboundRequest, *, valid_until: float | None = None) -> Answer:
        """The answer to one request; nothing is written after `valid_until` (`time.monotonic()`).

        `InvalidInput` when the address is none, or leads to a private place. `UpstreamFailed` when nothing was
        written: codes `unknown_name`, `connect`, `lease_expired`, `closed`. `UnknownOutcome` when it may have been,
        and no whole answer came: `timeout`, `connection_lost`, `answer_too_large`.
        """
        origin = origin_of(request.url)
        async with self._slots:
            client = await self._pools.get(origin)
            prepared = _prepare(client, request, self._seconds(valid_until))
            try:
                async with prepared as response:
                    return Answer(response.status, response.headers, await self._read(response))
            except PyreqwestError as error:
                if not _unconnected(error):
                    raise _no_answer(error, origin) from error
                self._pools.distrust(origin, client)
                raise UpstreamFailed(f"{origin} could not be connected to", code="connect") from error

    def _seconds(self, valid_until: float | None) -> float:
        """How long the request may take; past the lease nothing is begun."""
        if valid_until is None:
            return self._timeout
        left = valid_until - time.monotonic()
        if left <= 0:
            raise UpstreamFailed("the claim ran out before the request was written", code="lease_expired")
        return min(self._timeout, left)

    async def aclose(self) -> None:
        """Closes every pool; what is under way ends with `UnknownOutcome`."""
        await self._pools.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _read(self, response: Response) -> bytes:
        """The whole body; an endless one is given up at the limit, not collected."""
        reader = response.body_reader
        first = await reader.read_chunk()
        if first is None:
            return b""
        chunks = bytearray(first)
        while len(chunks) <= self._answer_limit:
            chunk = await reader.read_chunk()
            if chunk is None:
                return bytes(chunks)
            chunks += chunk
        raise UnknownOutcome(f"the answer has more than {self._answer_limit:,} bytes", code="answer_too_large")


def _prepare(client: Client, request: OutboundRequest, seconds: float) -> StreamRequest:
    try:
        builder = client.request(request.method, request.url).timeout(timedelta(seconds=seconds))
        builder = builder.headers(request.headers)
        return (builder if request.body is None else builder.body_bytes(request.body)).build_streamed()
    except (BuilderError, ValueError):  # its text may quote a header, which may be a secret
        rule = "cannot be sent: a header or the method has characters that HTTP does not allow"
        raise InvalidInput.of("request", rule, "not_a_request") from None


def _unconnected(error: PyreqwestError) -> bool:
    """Whether no connection was made, so that nothing was written.

    The class of the error does not tell: a connection that is lost after the request was written is a `ConnectError`
    too, and silence of the server a `ConnectTimeoutError`. What hyper says of it does.
    """
    causes = (error.details.get("causes") or []) if isinstance(error, DetailedPyreqwestError) else []
    return any(cause["message"] == _NOT_CONNECTED for cause in causes)


def _no_answer(error: PyreqwestError, origin: Origin) -> UnknownOutcome:
    if isinstance(error, RequestTimeoutError):
        return UnknownOutcome(f"{origin} did not answer in time", code="timeout")
    return UnknownOutcome(f"the connection to {origin} was lost before the answer", code="connection_lost")
