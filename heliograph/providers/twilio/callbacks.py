"""Twilio's status callbacks: who signed them, and what they say."""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit
from uuid import UUID

from heliograph.domain.ledger import MessageState
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest, StatusReport, parse_reference
from heliograph.providers.twilio.codes import delivery_error

SIGNATURE_HEADER: Final = "x-twilio-signature"
REFERENCE_PARAMETER: Final = "r"
"""Carries our reference in the address of the callback; Twilio signs the whole address."""

STATES: Final = {
    "accepted": MessageState.ACCEPTED,
    "scheduled": MessageState.ACCEPTED,
    "queued": MessageState.ACCEPTED,
    "sending": MessageState.ACCEPTED,
    "sent": MessageState.SENT,
    "partially_delivered": MessageState.SENT,
    "delivered": MessageState.DELIVERED,
    "read": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "canceled": MessageState.FAILED,
}
"""Twilio's status of an outbound message → ours."""

UNSUCCESSFUL = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})
_FORM = "application/x-www-form-urlencoded"
_FIELDS_LIMIT = 100
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_ERROR_CODE = re.compile(r"[0-9]{1,6}")
_DEFAULT_PORTS = {"https": 443, "http": 80}

Form = Sequence[tuple[str, str]]


@lru_cache(maxsize=64)  # `verify` and `parse_status` read the same body, one right after the other
def _read_form(body: bytes) -> Form:
    """The pairs of a form; ValueError on anything that is not one in UTF-8."""
    if _BAD_ESCAPE.search(body):
        raise ValueError("a % is not followed by two hexadecimal digits")
    return tuple(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_LIMIT))


def signature(auth_token: str, url: str, form: Form = ()) -> str:
    """What Twilio writes into X-Twilio-Signature for this address and these parameters."""
    return _sign(auth_token, url, _joined(form))


def _joined(form: Form) -> str:
    return "".join([name + value for name, value in sorted(set(form))])


def _sign(auth_token: str, url: str, parameters: str) -> str:
    signed = (url + parameters).encode("utf-8", "surrogatepass")
    return b64encode(hmac.digest(auth_token.encode(), signed, "sha1")).decode("ascii")


def is_signed(request: ProviderRequest, auth_token: str) -> bool:
    """Whether the holder of the token signed these bytes for this address. Never raises on what a stranger sends."""
    claimed = request.headers.get(SIGNATURE_HEADER, "")
    if not claimed.isascii():
        return False
    try:
        split = urlsplit(request.url)
        form = _signed_form(request, split)
        addresses = _addresses(request.url, split)
    except ValueError:
        return False
    if form is None:
        return False
    parameters = _joined(form)
    return any(hmac.compare_digest(_sign(auth_token, address, parameters), claimed) for address in addresses)


def _signed_form(request: ProviderRequest, split: SplitResult) -> Form | None:
    """The parameters under the signature; None when the body is not covered by it."""
    if not request.body:
        return ()
    if request.headers.get("content-type", _FORM).partition(";")[0].strip().lower() == _FORM:
        return _read_form(request.body)
    # Any other body is covered by its hash, which stands in the signed address.
    hashes = [value for name, value in parse_qsl(split.query) if name == "bodySHA256"]
    actual = hashlib.sha256(request.body).hexdigest()
    return () if hashes and hmac.compare_digest(hashes[0].encode(), actual.encode()) else None


def _addresses(url: str, split: SplitResult) -> tuple[str, ...]:
    """Twilio signs with the port or without it, and which of the two has changed over time: both are right."""
    host, port = split.hostname, split.port
    if host is None:
        raise ValueError("the address has no host")
    if port is None:
        default = _DEFAULT_PORTS.get(split.scheme)
        if default is None:
            raise ValueError("the address is neither http nor https")
        return url, split._replace(netloc=f"{split.netloc}:{default}").geturl()
    return url, split._replace(netloc=split.netloc.removesuffix(f":{port}")).geturl()


def read_status(request: ProviderRequest) -> StatusReport:
    """The report in a status callback; `InvalidInput` naming the field and the rule it breaks."""
    fields = read_fields(request.body, _READ)
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    status = fields.get("MessageStatus") or fields.get("SmsStatus")
    if not sid or not _MESSAGE_SID.fullmatch(sid):
        raise InvalidInput.of("MessageSid", "is SM or MM and 32 hexadecimal digits")
    if not status:
        raise InvalidInput.of("MessageStatus", "is missing")
    state = STATES.get(status)
    if state is None:
        raise InvalidInput.of("MessageStatus", f"{status[:40]!r} is not the status of an outbound message")
    code = fields.get("ErrorCode") or None
    if code is not None and not (_ERROR_CODE.fullmatch(code)):
        raise InvalidInput.of("ErrorCode", "is a number of at most six digits")
    return StatusReport(
        provider_message_id=sid,
        provider_status=status,
        state=state,
        reference=_reference(request.url),
        error=delivery_error(code, status) if state in UNSUCCESSFUL else None,
        occurred_at=_done_at(fields.get("RawDlrDoneDate")),
    )


_READ: Final = frozenset({"MessageSid", "SmsSid", "MessageStatus", "SmsStatus", "ErrorCode", "RawDlrDoneDate"})


def read_fields(body: bytes, wanted: frozenset[str]) -> dict[str, str]:
    """The wanted fields of a form; `InvalidInput` for what is not one, or has one of them twice."""
    try:
        form = _read_form(body)
    except ValueError as error:
        raise InvalidInput.of("body", f"is not a form in UTF-8 of at most {_FIELDS_LIMIT} fields") from error
    fields: dict[str, str] = {}
    for name, value in form:
        if name in wanted and fields.setdefault(name, value) != value:
            raise InvalidInput.of(name, "stands twice, with different values")
    return fields


def _reference(url: str) -> tuple[UUID, int] | None:
    """Our reference, where the address carries one; its characters need no escapes."""
    for pair in reversed(url.partition("?")[2].split("&")):
        name, _, value = pair.partition("=")
        if name == REFERENCE_PARAMETER:
            return parse_reference(value)
    return None


def _done_at(text: str | None) -> datetime | None:
    """RawDlrDoneDate is YYMMDDhhmm in the carrier's words: taken when it can be read, never a reason to refuse."""
    if text is None or len(text) != 10 or not (text.isascii() and text.isdigit()):
        return None
    year, month, day, hour, minute = (int(text[start : start + 2]) for start in range(0, 10, 2))
    try:
        return datetime(2000 + year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
