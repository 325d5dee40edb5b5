"""What Kaleyra says about a message later: callbacks in the fields that we give to its profile, and polls."""

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Final

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.errors import InvalidInput
from heliograph.providers.kaleyra.models import KaleyraCredentials
from heliograph.providers.protocol import ProviderError, ProviderRequest, StatusReport, parse_reference
from heliograph.providers.shared.records import Record, read_records

_STATES: Final[Mapping[str, MessageState]] = {
    "submitted": MessageState.ACCEPTED,
    "enroute": MessageState.SENT,
    "sent": MessageState.SENT,
    "sentnodlr": MessageState.SENT,  # sent, and no report will come
    "delivered": MessageState.DELIVERED,
    "delivrd": MessageState.DELIVERED,
    "undelivered": MessageState.UNDELIVERED,
    "expired": MessageState.UNDELIVERED,
    "failed": MessageState.FAILED,
    "notsent": MessageState.FAILED,
}
"""Kaleyra's statuses, of which its pages use several spellings, by their letters alone → ours."""

TRACE_CODES: Final[Mapping[str, tuple[E, str]]] = {
    "NO-CREDITS": (E.ACCOUNT, "The account has no credits left"),
    "KYC-NOT-APPROVED": (E.ACCOUNT, "The account's documents are not approved"),
    "BLACKLIST": (E.RECIPIENT, "The number is blacklisted"),
    "CON-DND": (E.RECIPIENT, "The number is on the national list against advertising (DND)"),
    "INVALID-SUB": (E.RECIPIENT, "The number does not exist"),
    "OPT-OUT": (E.OPT_OUT, "The recipient has opted out"),
    "TEMPLATE-NOT-FOUND": (E.CONTENT, "The text fits no registered template"),
    "BLOCKED-COUNTRY": (E.SENDER, "Sending to this country is blocked"),
    "MOB-OFF": (E.DELIVERY, "The handset is switched off"),
}
"""Some of the some ninety trace codes; the others are failures of the delivery."""

_UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})
_NO_LETTER: Final = re.compile(r"[^a-z]")


def is_authorized(request: ProviderRequest, credentials: KaleyraCredentials) -> bool:
    """Whether the callback carries the user name and password that its profile was given, if it was given any."""
    if credentials.callback_password is None:
        return True
    pair = f"{credentials.callback_username}:{credentials.callback_password.get_secret_value()}"
    expected = f"Basic {b64encode(pair.encode()).decode('ascii')}"
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode())


def read_callback(request: ProviderRequest) -> Sequence[StatusReport]:
    """The reports in a callback; `InvalidInput` naming field and rule."""
    return [_from_callback(record) for record in read_records(request)]


def _from_callback(record: Record) -> StatusReport:
    status = record.required("status")
    state = state_of(status)
    if state is None:
        raise InvalidInput.of("status", f"{status[:40]!r} is not a status of Kaleyra's that is known here")
    reference = parse_reference(record.text("reference") or "")
    return StatusReport(
        provider_message_id=record.required("id"),
        provider_status=status,
        state=state,
        reference=reference,
        error=error_of(state, status, record.text("status_trace")),
    )


def state_of(status: str) -> MessageState | None:
    """What a status means to us; None when it is not known."""
    return _STATES.get(_NO_LETTER.sub("", status.lower()))


def error_of(state: MessageState, status: str, trace: str | None) -> ProviderError | None:
    """Why a message was not delivered."""
    if state not in _UNSUCCESSFUL:
        return None
    code = (trace or status).strip()[:40]
    error_class, text = TRACE_CODES.get(code.upper(), (E.DELIVERY, f"Not delivered: Kaleyra reports {code}"))
    return ProviderError(error_class, code, text)
