"""What Routee says of one part of a message, in a callback or in its tracking; the fields differ a little."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from heliograph.domain.ledger import RECEIPT_RANK
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import ProviderRequest, StatusReport
from heliograph.providers.routee.statuses import STATES, UNSUCCESSFUL, delivery_error
from heliograph.providers.shared.callback_address import reference_in
from heliograph.providers.shared.instants import read_instant

REFERENCE_PARAMETER: Final = "r"
"""Carries our reference in the address of the callback."""
_LONGEST_ID: Final = 100
_MOST_PARTS: Final = 255  # of a concatenated message (3GPP TS 23.040): one octet counts them


def read_callback(request: ProviderRequest) -> StatusReport:
    """The report on one part in a callback; `InvalidInput` naming the field and the rule it breaks."""
    try:
        content = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.of("body", "is not JSON") from error
    if not isinstance(content, dict):
        raise InvalidInput.of("body", "is not a JSON object")
    return replace(read_part(content), reference=reference_in(request.url, REFERENCE_PARAMETER))


def read_part(content: Mapping[str, Any]) -> StatusReport:
    """The report on one part; `InvalidInput` naming the field and the rule it breaks."""
    message_id = content.get("messageId")
    if not isinstance(message_id, str) or not 0 < len(message_id) <= _LONGEST_ID:
        raise InvalidInput.of("messageId", f"is a text of at most {_LONGEST_ID} characters")
    status = content.get("status")
    if not isinstance(status, dict):
        raise InvalidInput.of("status", "is an object")
    name = status.get("name", status.get("status"))  # in a callback, and in the tracking
    state = STATES.get(name.lower()) if isinstance(name, str) else None
    if state is None:
        raise InvalidInput.of("status.name", f"is one of {', '.join(STATES)}")
    return StatusReport(
        provider_message_id=message_id,
        provider_status=str(name),
        state=state,
        part=_part(content),
        error=delivery_error(str(name), _detailed(status)) if state in UNSUCCESSFUL else None,
        occurred_at=read_instant(status.get("updatedDate", status.get("date"))),
    )


def whole(reports: Sequence[StatusReport]) -> StatusReport:
    """What the reports on all parts, at least one, say of the message: the worst of the final ones, else the least."""
    failed = [report for report in reports if report.state in UNSUCCESSFUL]
    if failed:
        return replace(max(failed, key=lambda report: RECEIPT_RANK[report.state]), part=0)
    return replace(min(reports, key=lambda report: RECEIPT_RANK[report.state]), part=0)


def _part(content: Mapping[str, Any]) -> int:
    """Which part of several; 0 for a message of one. A count that begins with 0 would be read as well."""
    part, parts = content.get("part", 1), content.get("parts", 1)
    for name, number in (("part", part), ("parts", parts)):
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MOST_PARTS:
            raise InvalidInput.of(name, f"is a whole number up to {_MOST_PARTS}")
    return 0 if parts <= 1 else part or parts


def _detailed(status: Mapping[str, Any]) -> str:
    reason = status.get("reason")
    detailed = reason.get("detailedStatus") if isinstance(reason, dict) else None
    return detailed if isinstance(detailed, str) else ""
