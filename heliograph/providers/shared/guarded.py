"""Gateways whose address is configuration (white label): what a user types must not lead to a private place."""

from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput, UnknownOutcome, UpstreamFailed
from heliograph.outbound.client import OutboundClient, OutboundRequest
from heliograph.outbound.origin import Origin
from heliograph.outbound.reach import Reach
from heliograph.providers.protocol import ConnectionOptions, InDoubt, NotProcessed, ProviderError
from heliograph.providers.shared.gateway import Transport
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, retry_after
from heliograph.providers.shared.outcomes import in_doubt

_FIELD: Final = "configuration.url"


def _is_an_address(url: str) -> str:
    if "?" in url or "#" in url:
        raise ValueError("is an address without query and fragment")
    try:
        Origin.of(url)
    except InvalidInput as error:
        raise ValueError(error.errors[0].rule) from error
    return url


GivenUrl = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_is_an_address)]
"""The whole address that messages are sent to, as a user gave it."""


class GuardedTransport:
    """As `HttpTransport`, but reaches no private place unless the operator lists it."""

    def __init__(self, options: ConnectionOptions) -> None:
        self._client = OutboundClient(
            timeout=options.timeout, reachable=options.reachable, max_connections=options.max_connections
        )

    async def send(self, request: HttpRequest, valid_until: float) -> HttpAnswer | NotProcessed | InDoubt:
        """One request for a message, and its answer, whatever its status."""
        outgoing = OutboundRequest(request.method, request.url, request.headers, request.body)
        try:
            answer = await self._client.send(outgoing, valid_until=valid_until)
        except InvalidInput as error:  # it holds for every message alike, so the run pauses
            return NotProcessed(ProviderError(ErrorClass.ACCOUNT, error.errors[0].code, error.detail))
        except UpstreamFailed as error:
            return NotProcessed(ProviderError(ErrorClass.NOT_PROCESSED, error.code, error.detail))
        except UnknownOutcome as error:
            return in_doubt(error.code, error.detail)
        return HttpAnswer(answer.status, answer.body, retry_after(answer.headers.get("retry-after")))

    async def fetch(self, request: HttpRequest) -> HttpAnswer:
        """The answer to something harmless, whatever its status; `UpstreamFailed` when there is none."""
        try:
            answer = await self._client.send(
                OutboundRequest(request.method, request.url, request.headers, request.body)
            )
        except UnknownOutcome as error:
            raise UpstreamFailed(error.detail, code=error.code) from error
        return HttpAnswer(answer.status, answer.body, retry_after(answer.headers.get("retry-after")))

    async def aclose(self) -> None:
        """Closes the pools."""
        await self._client.aclose()


def open_transport(name: str, options: ConnectionOptions) -> Transport:
    """The guard, except before the simulator, whose address is the operator's."""
    return GuardedTransport(options) if options.simulator_url is None else HttpTransport(name, options)


def url_in_use(url: str, key: str, options: ConnectionOptions) -> str:
    """The address to send to: the given one, or its path at the simulator."""
    if options.simulator_url is None:
        return url
    path = url.split("://", 1)[1].partition("/")[2]
    return f"{options.simulator_url.rstrip('/')}/{key}/{path}"


def check_reach(url: str, options: ConnectionOptions) -> None:
    """`InvalidInput` for an address that is known as private without a look-up."""
    if options.simulator_url is None:
        Reach(options.reachable).check(Origin.of(url, field=_FIELD), field=_FIELD)
