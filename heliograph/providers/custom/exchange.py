"""Requests with their authentication, and what came of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, InvalidInput, Unauthenticated, UpstreamFailed
from heliograph.providers.custom.authentication import Authentication, authenticator
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.protocol import ConnectionOptions, InDoubt, NotProcessed, ProviderError
from heliograph.providers.shared.guarded import GuardedTransport
from heliograph.providers.shared.http import HttpAnswer, HttpRequest


@dataclass(slots=True)
class Exchange:
    """What was written last, and what came of it."""

    request: HttpRequest
    authentication: Mapping[str, str]  # the headers of it
    answer: HttpAnswer | NotProcessed | InDoubt
    seconds: float = 0.0


class AuthenticatedTransport:
    """A guarded transport whose gateway knows us."""

    def __init__(
        self, authentication: Authentication, credentials: CustomCredentials, options: ConnectionOptions
    ) -> None:
        self._transport = GuardedTransport(options)
        self._authenticator = authenticator(authentication, credentials, self._transport)

    async def send(self, request: HttpRequest, valid_until: float) -> Exchange:
        """One request for a message; once more with a new token where the old one was refused.

        A request that was answered 401 is known not to have been processed.
        """
        exchange = await self._send_once(request, valid_until)
        answer = exchange.answer
        refused = isinstance(answer, HttpAnswer) and answer.status == 401
        if refused and self._authenticator.renew(exchange.authentication):
            return await self._send_once(request, valid_until)
        return exchange

    async def ask(self, request: HttpRequest) -> HttpAnswer:
        """The answer to something harmless, whatever its status; raises as `check` does when there is none."""
        headers = await self._authenticator.headers(request.body or b"")
        answer = await self._transport.fetch(_with(request, headers))
        if answer.status == 401 and self._authenticator.renew(headers):
            headers = await self._authenticator.headers(request.body or b"")
            answer = await self._transport.fetch(_with(request, headers))
        return answer

    async def check(self) -> None:
        """Gets a token where one is needed: `Unauthenticated`, `InvalidInput` or `UpstreamFailed` when it cannot."""
        await self._authenticator.headers(b"")

    async def aclose(self) -> None:
        """Closes the pool."""
        await self._transport.aclose()

    async def _send_once(self, request: HttpRequest, valid_until: float) -> Exchange:
        try:
            headers = await self._authenticator.headers(request.body or b"")
        except (Unauthenticated, BadRequest) as error:
            return Exchange(request, {}, _not_processed(ErrorClass.AUTH, error.code, error.detail))
        except InvalidInput as error:
            return Exchange(request, {}, _not_processed(ErrorClass.ACCOUNT, error.errors[0].code, error.detail))
        except UpstreamFailed as error:
            return Exchange(request, {}, _not_processed(ErrorClass.NOT_PROCESSED, error.code, error.detail))
        request = _with(request, headers)
        began = time.monotonic()
        answer = await self._transport.send(request, valid_until)
        return Exchange(request, headers, answer, time.monotonic() - began)


def _with(request: HttpRequest, headers: Mapping[str, str]) -> HttpRequest:
    if not headers:
        return request
    return HttpRequest(request.method, request.url, {**request.headers, **headers}, request.body)


def _not_processed(error_class: ErrorClass, code: str, text: str) -> NotProcessed:
    return NotProcessed(ProviderError(error_class, code, text))
