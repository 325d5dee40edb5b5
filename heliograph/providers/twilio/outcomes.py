"""From what Twilio answered, or did not, to what became of the message. The table is in docs/providers/twilio.md."""

from aiohttp import ClientConnectorDNSError, ClientConnectorError, ClientSSLError
from twilio.base.exceptions import TwilioRestException, TwilioServiceException

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import InDoubt, NotProcessed, Outcome, ProviderError, Refused
from heliograph.providers.shared.http import retry_after
from heliograph.providers.shared.scrubbing import scrub
from heliograph.providers.twilio.codes import request_error
from heliograph.providers.twilio.transport import Exchange

ANSWERED_ERRORS = (TwilioRestException, TwilioServiceException)
"""What Twilio's client raises for an answer of 300 and more."""

_PAUSING = frozenset({ErrorClass.AUTH, ErrorClass.ACCOUNT, ErrorClass.RATE_LIMITED})
"""Refused as a request, not as a message: the message stays in the queue."""


def outcome_of_answer(error: TwilioRestException | TwilioServiceException, exchange: Exchange) -> Outcome:
    """The outcome of an answer that is not 2xx."""
    status = exchange.status or error.status
    code = twilio_code(error)
    if status >= 500 or status < 400 or status == 408:
        return _in_doubt(f"http_{status}", f"Twilio answered HTTP {status}: the message may have been processed")
    known = request_error(code) if code is not None else None
    if known is None:
        return _outcome_of_status(status, code, _words(error), exchange)
    if known.error_class in _PAUSING:
        return NotProcessed(known, retry_after(exchange.retry_after))
    return Refused(known)


def _outcome_of_status(status: int, code: int | None, words: str, exchange: Exchange) -> Outcome:
    """A 4xx with a code we do not know, or with none."""
    name = str(code) if code is not None else f"http_{status}"
    if status == 401:
        return NotProcessed(ProviderError(ErrorClass.AUTH, name, "Twilio does not accept the credentials"))
    if status == 429:
        error = ProviderError(ErrorClass.RATE_LIMITED, name, "Too many requests")
        return NotProcessed(error, retry_after(exchange.retry_after))
    if code is None:
        # Not in Twilio's form: something between us and Twilio spoke, and what it did with the request is unknown.
        return _in_doubt(name, f"HTTP {status} without a Twilio error code")
    return Refused(ProviderError(ErrorClass.OTHER, name, scrub(words) or f"Twilio's error {code}"))


def outcome_of_failure(error: Exception, exchange: Exchange) -> Outcome:
    """The outcome of a call that got no readable answer: the question is whether the request was written."""
    if exchange.status is not None:
        return _in_doubt("unreadable_answer", f"Twilio answered HTTP {exchange.status}, and it could not be read")
    if exchange.written:
        what = "timeout" if isinstance(error, TimeoutError) else "connection_lost"
        return _in_doubt(what, "The request was written, and no answer came")
    if exchange.expired:
        return _not_processed("lease_expired", "The claim ran out before the request was written")
    return _not_processed(*_reason_unwritten(error))


def unreadable(exchange: Exchange) -> InDoubt:
    """A 2xx that does not name the message."""
    return _in_doubt("unreadable_answer", f"Twilio answered HTTP {exchange.status} without naming the message")


def _reason_unwritten(error: Exception) -> tuple[str, str]:
    if isinstance(error, TimeoutError):
        return "connect_timeout", "Twilio could not be reached in time"
    if isinstance(error, ClientConnectorDNSError):
        return "dns", "The name of Twilio's host could not be resolved"
    if isinstance(error, ClientSSLError):
        return "tls", "The secure connection to Twilio failed"
    if isinstance(error, ClientConnectorError):
        return "connect", "Twilio could not be connected to"
    return "connection_lost", "The connection closed before the request was written"


def twilio_code(error: TwilioRestException | TwilioServiceException) -> int | None:
    """Twilio's code; its client puts the HTTP status where there is none."""
    code = error.code
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code[:6])
    if not isinstance(code, int) or code == error.status:
        return None
    return code


def _words(error: TwilioRestException | TwilioServiceException) -> str:
    if isinstance(error, TwilioServiceException):
        return str(error.detail or error.title)
    return str(error.msg).removeprefix("Unable to create record: ")


def _in_doubt(code: str, text: str) -> InDoubt:
    return InDoubt(ProviderError(ErrorClass.UNKNOWN_OUTCOME, code, text))


def _not_processed(code: str, text: str) -> NotProcessed:
    return NotProcessed(ProviderError(ErrorClass.NOT_PROCESSED, code, text))
