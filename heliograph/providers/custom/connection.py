"""An open custom connector: writes each message into the request that its configuration describes."""

import time
from typing import ClassVar, Final

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import BadRequest, InvalidInput, UpstreamFailed
from heliograph.outbound.reach import Reach
from heliograph.providers.custom.authentication import check_needs
from heliograph.providers.custom.configuration import CustomConfiguration
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.custom.escapes import Unwritable
from heliograph.providers.custom.exchange import AuthenticatedTransport, Exchange
from heliograph.providers.custom.hiding import hide, hide_headers
from heliograph.providers.custom.placeholders import Subject, values_of
from heliograph.providers.custom.request_templates import RequestTemplate
from heliograph.providers.custom.requests import RequestDescription
from heliograph.providers.protocol import (
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    ProviderError,
    Refused,
    SenderAddress,
    StatusReport,
)
from heliograph.providers.shared.http import HttpAnswer, HttpRequest
from heliograph.providers.shared.outcomes import refuse_surrogates
from heliograph.providers.shared.questions import FewAnswers
from heliograph.providers.shared.trial import ShownAnswer, ShownRequest, Trial

_GATEWAY: Final = "The gateway"
_SHOWN_CHARACTERS: Final = 4000


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
        self._request = _template(configuration.request, credentials, "configuration.request")
        self._names = self._request.names
        polling = configuration.polling
        self._question = (
            None if polling is None else _template(polling.request, credentials, "configuration.polling.request")
        )
        self._transport = AuthenticatedTransport(configuration.authentication, credentials, options)

    async def send(self, message: OutgoingMessage, sender: SenderAddress) -> Outcome:
        """One message, one request. See docs/providers/custom.md for what each answer becomes."""
        reference = message.reference
        request = self._fill(message, sender, reference)
        if isinstance(request, Refused):
            return request
        return self._outcome(await self._transport.send(request, message.valid_until), reference)

    async def try_out(self, message: OutgoingMessage, sender: SenderAddress) -> Trial:
        """As `send`, and shown without its secrets."""
        request = self._fill(message, sender, message.reference)
        if isinstance(request, Refused):
            return Trial(None, None, request)
        exchange = await self._transport.send(request, message.valid_until)
        return self._shown(exchange, self._outcome(exchange, message.reference))

    async def check_credentials(self) -> None:
        """Gets a token where one is needed, and sees that the addresses lead to public places.

        A gateway has no other question that does no harm: what it says to a message, "try it" shows.
        """
        for field, origin in self._configuration.origins().items():
            try:
                await self._reach.addresses(origin, field=field)
            except UpstreamFailed as error:
                raise InvalidInput.of(field, "names a host that cannot be found", error.code) from error
        await self._transport.check()

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message; `BadRequest` where it was not configured how to ask."""
        polling = self._configuration.polling
        if polling is None or self._question is None:
            raise BadRequest("configuration.polling does not say how to ask for a status", code="not_configured")
        try:
            request = self._question.fill({"id": provider_message_id, "timestamp": str(int(time.time()))})
        except Unwritable as unwritable:
            raise BadRequest(f"The status cannot be asked for: {unwritable.rule}", code="bad_id") from unwritable
        return polling.read(_GATEWAY, provider_message_id, await self._transport.ask(request))

    async def aclose(self) -> None:
        """Closes the pool. Calls under way end: those not written as not processed, the others in doubt."""
        await self._transport.aclose()

    def _check(self) -> None:
        configuration = self._configuration
        for what in (configuration.authentication, configuration.callbacks):
            check_needs(self._credentials, what.needs, f"{what.kind} as configured")
        for field, origin in configuration.origins().items():
            self._reach.check(origin, field=field)

    def _fill(self, message: OutgoingMessage, sender: SenderAddress, reference: str) -> HttpRequest | Refused:
        refused = refuse_surrogates(message)
        if refused is not None:
            return refused
        subject = Subject(message, sender, self._callback_url, reference)
        try:
            return self._request.fill(values_of(subject, self._names))
        except Unwritable as unwritable:
            rule = f"No request can be made: {unwritable.rule}"
            return Refused(ProviderError(ErrorClass.CONTENT, "unwritable", rule))

    def _outcome(self, exchange: Exchange, reference: str) -> Outcome:
        answer = exchange.answer
        if isinstance(answer, HttpAnswer):
            return self._configuration.answer.outcome(_GATEWAY, answer, reference)
        return answer

    def _shown(self, exchange: Exchange, outcome: Outcome) -> Trial:
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


def _template(description: RequestDescription, credentials: CustomCredentials, field: str) -> RequestTemplate:
    return RequestTemplate.of(description).with_secrets(credentials.named(), field=field)
