"""Gupshup's delivery reports."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass as E
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderError, ProviderRequest, StatusReport
from heliograph.providers.shared.records import Record, read_records

DELIVERY_CODES: Final[Mapping[str, tuple[E, str]]] = {
    "001": (E.DELIVERY, "Absent subscriber: switched off or out of reach"),
    "002": (E.DELIVERY, "Calls are barred"),
    "003": (E.RECIPIENT, "Unknown subscriber"),
    "004": (E.DELIVERY, "The service is down"),
    "005": (E.DELIVERY, "System failure"),
    "006": (E.RECIPIENT, "The number is on the national list against advertising (DND)"),
    "007": (E.DELIVERY, "Blocked"),
    "008": (E.DELIVERY, "Not delivered within the hours allowed for this number (DND)"),
    "009": (E.DELIVERY, "Outside the hours in which advertising is allowed"),
}
_DELIVERED: Final = "000"
_STATES: Final = {"delivered": MessageState.DELIVERED, "failed": MessageState.FAILED}


def read_reports(request: ProviderRequest) -> Sequence[StatusReport]:
    """The report of a GET, or those of a POST; `InvalidInput` naming field and rule."""
    array = "response" if request.body.strip() else None
    return [_report(record) for record in read_records(request, array=array)]


def _report(record: Record) -> StatusReport:
    status = record.text("eventType") or record.required("status")
    number = record.text("errCode")
    code = number.zfill(3) if number else ""
    state = _STATES.get(status.lower()) or _state_of(code)
    if state is None:
        raise InvalidInput.of("status", f"{status[:40]!r} is neither DELIVERED nor FAILED, and errCode tells no more")
    return StatusReport(
        provider_message_id=record.required("externalId"),
        provider_status=status,
        state=state,
        error=_error(code, status) if state is MessageState.FAILED else None,
        occurred_at=_instant(record.text("eventTs") or record.text("deliveredTS")),
    )


def _state_of(code: str) -> MessageState | None:
    """Of a report by GET, whose words Gupshup does not publish; its codes are the same."""
    if code == _DELIVERED:
        return MessageState.DELIVERED
    return MessageState.FAILED if code in DELIVERY_CODES else None


def _error(code: str, status: str) -> ProviderError:
    if code in {"", _DELIVERED}:
        return ProviderError(E.DELIVERY, status[:40], "Not delivered: Gupshup gives no reason")
    error_class, text = DELIVERY_CODES.get(code, (E.DELIVERY, f"Not delivered: Gupshup's error {code[:40]}"))
    return ProviderError(error_class, code[:40], text)


def _instant(milliseconds: str | None) -> datetime | None:
    """Taken when it can be read, never a reason to refuse."""
    if milliseconds is None or not (milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) < 15):
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
