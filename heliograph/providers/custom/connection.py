"""An open custom connector: writes each message into the request that its configuration describes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, InvalidInput, NotFound, Unauthenticated, UpstreamFailed
from heliograph.outbound.origin import Origin
from heliograph.outbound.reach import Reach
from heliograph.providers.custom.access_token import OAuth2
from heliograph.providers.custom.authentication import authenticator, check_needs
from heliograph.providers.custom.callbacks import delivery_error, state_of
from heliograph.providers.custom.configuration import CustomConfiguration, Polling
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.custom.documents import Document
from heliograph.providers.custom.escapes import Unwritable
from heliograph.providers.custom.hiding import hide, hide_headers
from heliograph.providers.custom.placeholders import Subject, values_of
from heliograph.providers.custom.request_templates import RequestTemplate
from heliograph.providers.protocol import (
    ConnectionOptions,
    InDoubt,
    NotProcessed,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.shared.guarded import GuardedTransport
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.shared.outcomes import refuse_surrogates
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.shared.trial import ShownAnswer, ShownRequest, Trial
from heliograph.providers.shared.unpublished import UNSUCCESSFUL

_GATEWAY: Final = "The gateway"
_SHOWN_CHARACTERS: Final = 4000


@dataclass(slots=True)
class _Exchange:
    """What was written last, and what came of it."""

    request: HttpRequest
    authentication: Mapping[str, str]
    answer: HttpAnswer | NotProcessed | InDoubt
    seconds: float


class CustomConnection(FewAnswers):
    """One gateway account. The guard sees to it that it leads to no private place."""

    provider_name: ClassVar[str] = _GATEWAY

    def __init__(
        self, credentials: CustomCredentials, configuration: CustomConfiguration, options: ConnectionOptions
    ) -> None:
        """`InvalidInput` when configuration and credentials do not go together, or an address is private."""
        self._credentials = credentials
        self._configuration = configuration
        self._callback_url = options.callback_url or ""
        self._reach = Reach(options.reachable)
        self._check()
        secrets = credentials.named()
        self._request = RequestTemplate.of(configuration.request).with_secrets(secrets, field="configuration.request")
        self._names = self._request.names
        self._question = (
            None
            if configuration.polling is None
            else RequestTemplate.of(configuration.polling.request).with_secrets(
                secrets, field="configuration.polling.request"
            )
        )
        self._transport = GuardedTransport(options)
        self._authenticator = authenticator(configuration.authentication, credentials, self._transport)

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one request. See docs/providers/custom.md for what each answer becomes."""
        request = self._fill(message, sender)
        if isinstance(request, Refused):
            return request
        return self._outcome(message, (await self._exchange(request, message.valid_until)).answer)

    async def try_out(self, message: OutgoingMessage, sender: SenderAddress) -> Trial:
        """As `send`, and shown without its secrets."""
        request = self._fill(message, sender)
        if isinstance(request, Refused):
            return Trial(None, None, request)
        exchange = await self._exchange(request, message.valid_until)
        return self._shown(exchange, self._outcome(message, exchange.answer))

    async def check_credentials(self) -> None:
        """Gets a token where one is needed, and sees that the addresses lead to public places.

        A gateway has no other question that does no harm: what it says to a message, "try it" shows.
        """
        for field, origin in self._origins().items():
            try:
                await self._reach.addresses(origin, field=field)
            except UpstreamFailed as error:
                raise InvalidInput.of(field, "names a host that cannot be found", error.code) from error
        await self._authenticator.headers(b"")

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message; `BadRequest` where it was not configured how to ask."""
        polling = self._configuration.polling
        if polling is None or self._question is None:
            raise BadRequest("configuration.polling does not say how to ask for a status", code="not_configured")
        try:
            request = self._question.fill({"id": provider_message_id, "timestamp": str(int(time.time()))})
        except Unwritable as unwritable:
            raise BadRequest(f"The status cannot be asked for: {unwritable.rule}", code="bad_id") from unwritable
        answer = await self._ask(request)
        if answer.status == 404:
            raise NotFound(f"{_GATEWAY} does not have it", code="not_found_at_provider")
        if answer.status in {401, 403}:
            raise Unauthenticated(f"{_GATEWAY} does not accept the credentials")
        if not answer.is_success:
            raise UpstreamFailed(f"{_GATEWAY} answered HTTP {answer.status}", code=f"http_{answer.status}")
        return _report(polling, provider_message_id, Document(answer.body))

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.aclose()

    def _check(self) -> None:
        configuration = self._configuration
        for what in (configuration.authentication, configuration.callbacks):
            check_needs(self._credentials, what.needs, f"{what.kind} as configured")
        for field, origin in self._origins().items():
            self._reach.check(origin, field=field)

    def _origins(self) -> Mapping[str, Origin]:
        """Where requests go, by the field that says so."""
        configuration = self._configuration
        origins = {"configuration.request.url": configuration.request.origin}
        if configuration.polling is not None:
            origins["configuration.polling.request.url"] = configuration.polling.request.origin
        if isinstance(configuration.authentication, OAuth2):
            field = "configuration.authentication.token_url"
            origins[field] = Origin.of(configuration.authentication.token_url, field=field)
        return origins

    def _fill(self, message: OutgoingMessage, sender: SenderAddress) -> HttpRequest | Refused:
        refused = refuse_surrogates(message)
        if refused is not None:
            return refused
        try:
            return self._request.fill(values_of(Subject(message, sender, self._callback_url), self._names))
        except Unwritable as unwritable:
            return Refused(
                ProviderError(ErrorClass.CONTENT, "unwritable", f"No request can be made: {unwritable.rule}")
            )

    def _outcome(self, message: OutgoingMessage, answer: HttpAnswer | NotProcessed | InDoubt) -> Outcome:
        if isinstance(answer, HttpAnswer):
            return self._configuration.answer.outcome(_GATEWAY, answer, message.reference)
        return answer

    async def _exchange(self, request: HttpRequest, valid_until: float) -> _Exchange:
        """Once more with a new token where the old one was refused: a 401 is known not to have been processed."""
        exchange = await self._exchange_once(request, valid_until)
        answer = exchange.answer
        refused = isinstance(answer, HttpAnswer) and answer.status == 401
        if refused and self._authenticator.renew(exchange.authentication):
            return await self._exchange_once(request, valid_until)
        return exchange

    async def _exchange_once(self, request: HttpRequest, valid_until: float) -> _Exchange:
        try:
            headers = await self._authenticator.headers(request.body or b"")
        except (Unauthenticated, BadRequest) as error:
            return _Exchange(request, {}, _not_processed(ErrorClass.AUTH, error.code, error.detail), 0.0)
        except InvalidInput as error:
            return _Exchange(request, {}, _not_processed(ErrorClass.ACCOUNT, error.errors[0].code, error.detail), 0.0)
        except UpstreamFailed as error:
            return _Exchange(request, {}, _not_processed(ErrorClass.NOT_PROCESSED, error.code, error.detail), 0.0)
        authorised = replace(request, headers={**request.headers, **headers}) if headers else request
        began = time.monotonic()
        answer = await self._transport.send(authorised, valid_until)
        return _Exchange(authorised, headers, answer, time.monotonic() - began)

    async def _ask(self, request: HttpRequest) -> HttpAnswer:
        headers = await self._authenticator.headers(request.body or b"")
        answer = await self._transport.fetch(replace(request, headers={**request.headers, **headers}))
        if answer.status == 401 and self._authenticator.renew(headers):
            headers = await self._authenticator.headers(request.body or b"")
            answer = await self._transport.fetch(replace(request, headers={**request.headers, **headers}))
        return answer

    def _shown(self, exchange: _Exchange, outcome: Outcome) -> Trial:
        given = exchange.authentication.values()
        secrets = [*self._credentials.all_in_clear(), *given, *(value.rpartition(" ")[2] for value in given)]
        request = exchange.request
        shown = ShownRequest(
            request.method,
            hide(request.url, secrets),
            hide_headers(request.headers, secrets, exchange.authentication),
            None if request.body is None else hide(request.body.decode(), secrets),
        )
        if not isinstance(exchange.answer, HttpAnswer):
            return Trial(shown, None, outcome)
        text = hide(exchange.answer.text, secrets)[:_SHOWN_CHARACTERS]
        return Trial(shown, ShownAnswer(exchange.answer.status, text, exchange.seconds), outcome)


def _not_processed(error_class: ErrorClass, code: str, text: str) -> NotProcessed:
    return NotProcessed(ProviderError(error_class, code, text))


def _report(polling: Polling, provider_message_id: str, document: Document) -> StatusReport:
    status = polling.status.find(document)
    state = None if status is None else state_of(polling.states, status)
    if status is None or state is None:
        word = "no status" if status is None else f"the status {status[:40]!r}"
        raise UpstreamFailed(f"{_GATEWAY}'s answer has {word}, of which configuration.polling.states says nothing")
    error = None
    if state in UNSUCCESSFUL:
        code = ((None if polling.error_code is None else polling.error_code.find(document)) or status)[:80]
        error = delivery_error(polling.errors.get(code, ErrorClass.DELIVERY), code)
    return StatusReport(provider_message_id, status, state, error=error)
