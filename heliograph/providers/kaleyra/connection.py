"""An open Kaleyra account: sends messages, and polls their statuses."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.errors import NotFound, UpstreamFailed
from heliograph.providers.kaleyra.models import HOSTS, KaleyraConfiguration, KaleyraCredentials
from heliograph.providers.kaleyra.receipts import error_of, state_of
from heliograph.providers.protocol import (
    Accepted,
    ConnectionOptions,
    Outcome,
    OutgoingMessage,
    ProviderError,
    SenderAddress,
    SenderKind,
    StatusReport,
)
from heliograph.providers.shared.gateway import Gateway, form_post
from heliograph.providers.shared.http import HttpAnswer, HttpRequest, HttpTransport, base_url
from heliograph.providers.shared.outcomes import of_error, of_status, unreadable
from heliograph.providers.shared.records import find
from heliograph.providers.shared.scrubbing import scrub
from heliograph.providers.shared.senders import header_check

KEY: Final = "kaleyra"
NAME: Final = "Kaleyra"

_ROUTES: Final = {"transactional": "TXN", "promotional": "MKT", "otp": "OTP"}
"""A sender's kind → Kaleyra's `type`, the route that a message takes."""

_check_sender = header_check(longest=15)

SENDER_KINDS: Final[Sequence[SenderKind]] = (
    SenderKind("transactional", "Sender for transactional messages (TXN)", _check_sender),
    SenderKind("promotional", "Sender for promotional messages (MKT)", _check_sender),
    SenderKind("otp", "Sender for one-time passwords (OTP)", _check_sender),
)

_FIELD_CLASSES: Final[Mapping[str, E]] = {
    "to": E.RECIPIENT,
    "sender": E.SENDER,
    "type": E.SENDER,
    "body": E.CONTENT,
    "template_id": E.CONTENT,
}
"""An error names the parameters that it is about."""

_NO_MESSAGE: Final = "00000000-0000-0000-0000-000000000000:1"


class KaleyraConnection(Gateway):
    """One account, one pool, used by many tasks at once."""

    provider_name = NAME

    def __init__(
        self, credentials: KaleyraCredentials, configuration: KaleyraConfiguration, options: ConnectionOptions
    ) -> None:
        self._http = HttpTransport(NAME, options)
        super().__init__(self._http, configuration.dlt)
        host = HOSTS[configuration.region]
        self._url = f"{base_url(options, KEY, host)}/v1/{quote(credentials.account_sid, safe='')}/sms"
        self._headers = {"api-key": credentials.api_key.get_secret_value()}
        self._configuration = configuration

    def request(self, message: OutgoingMessage, sender: SenderAddress, template_id: str | None) -> HttpRequest:
        """A form; our reference goes along, for a callback profile that names it."""
        return form_post(
            self._url,
            {
                "to": message.to,
                "sender": sender.address,
                "type": _ROUTES[sender.kind],
                "body": message.body,
                "unicode": "Auto",
                "template_id": template_id,
                "ref_custom": message.reference,
                "callback_profile_id": self._configuration.callback_profile_id,
            },
            self._headers,
        )

    def outcome(self, answer: HttpAnswer) -> Outcome:
        """Accepted where there is an id and no error; Kaleyra sends an empty `error` with every success."""
        content = answer.json_object() or {}
        refused = self._refusal(content)
        if refused is not None:
            return of_error(refused) if answer.is_success else of_status(NAME, answer, refused)
        if not answer.is_success:
            return of_status(NAME, answer)
        found = find(content, self._configuration.message_id)
        if isinstance(found, str) and found:
            return Accepted(found, "accepted")
        return unreadable(NAME, answer)

    def _refusal(self, content: Mapping[str, Any]) -> ProviderError | None:
        """The error in a body of Kaleyra's form: `{code, message, error: {field: text}}`; None where there is none."""
        fields, code = content.get("error"), content.get("code")
        if not fields or not isinstance(fields, dict | str):
            return None
        name = str(code)[:40] if isinstance(code, str | int) and code else "error"
        named = fields if isinstance(fields, dict) else {}
        error_class = self._configuration.errors.get(name) or next(
            (found for field, found in _FIELD_CLASSES.items() if field in named), E.OTHER
        )
        text = content.get("message") if isinstance(content.get("message"), str) else ""
        return ProviderError(error_class, name, scrub(text or "") or f"Kaleyra's error {name}")

    async def check_credentials(self) -> None:
        """Asks for the status of a message that does not exist: `Unauthenticated` when the key is refused first."""
        answer = await self._http.fetch(self._status_request(_NO_MESSAGE))
        if answer.status in {401, 403, 429} or answer.status >= 500:
            raise self._http.refusal(answer)

    async def poll(self, provider_message_id: str) -> StatusReport:
        """The present status of one message; `NotFound` or `Transient`."""
        answer = await self._http.ask(self._status_request(provider_message_id))
        listed = (answer.json_object() or {}).get("data")
        if not isinstance(listed, list):
            raise UpstreamFailed(f"{NAME}'s answer has no list of statuses")
        # Kaleyra's own example names the message `campaign_id`. One was asked for, so one it is.
        found = next((each for each in listed if isinstance(each, dict)), None)
        if found is None:
            raise NotFound(f"{NAME} does not have it", code="not_found_at_provider")
        status, trace = found.get("status"), found.get("status_details")
        state = state_of(status) if isinstance(status, str) else None
        if state is None or not isinstance(status, str):
            raise UpstreamFailed(f"{NAME}'s status {str(status)[:40]!r} is not known here")
        error = error_of(state, status, trace if isinstance(trace, str) else None)
        return StatusReport(provider_message_id, status, state, error=error)

    def _status_request(self, message_id: str) -> HttpRequest:
        headers = {**self._headers, "Content-Type": "application/json"}
        return HttpRequest("GET", f"{self._url}/status?{urlencode({'message_ids': message_id})}", headers)
