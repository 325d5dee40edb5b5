"""What Sinch has: the batches of the last 14 days, page by page, newest first."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from heliograph.errors import UpstreamFailed
from heliograph.providers.protocol import LoggedMessage, SenderAddress, StatusReport
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.shared.instants import read_instant
from heliograph.providers.sinch.batches import ProviderId, digits, numbers, text_for
from heliograph.providers.sinch.meanings import STATES

_PAGE_SIZE: Final = 100
_CREATED: Final = "Queued"
_CANCELED: Final = "Cancelled"
"""A list of batches has no statuses, but says which were cancelled."""

Get = Callable[[str], Awaitable[HttpAnswer]]
"""Asks for a resource below the service plan; 2xx, or raises."""


async def batches(
    get: Get, sender: SenderAddress, since: datetime, until: datetime | None = None
) -> AsyncIterator[Mapping[str, Any]]:
    """Every batch from `sender` that was created in this time, newest first."""
    query: dict[str, Any] = {"from": digits(sender.address), "page_size": _PAGE_SIZE, "start_date": _written(since)}
    if until is not None:
        query["end_date"] = _written(until)
    page = 0
    while True:
        answer = await get(f"/batches?{urlencode({**query, 'page': page})}")
        found = (answer.json_object() or {}).get("batches")
        if not isinstance(found, list) or not all(isinstance(batch, dict) for batch in found):
            raise UpstreamFailed("Sinch's list of batches cannot be read")
        for batch in found:
            yield batch
        if len(found) < _PAGE_SIZE:
            return
        page += 1


async def logged(get: Get, sender: SenderAddress, since: datetime, until: datetime) -> AsyncIterator[LoggedMessage]:
    """Every message in these batches."""
    async for batch in batches(get, sender, since, until):
        created = read_instant(batch.get("created_at"))
        if created is None or not since <= created <= until:
            continue
        for number in numbers(batch):
            yield LoggedMessage(
                ProviderId(str(batch.get("id")), number).text, f"+{number}", _status(batch), created_at=created
            )


async def found(get: Get, to: str, body: str | None, sender: SenderAddress, since: datetime) -> list[StatusReport]:
    """The messages to `to` with this body in the batches since then, oldest first."""
    number = digits(to)
    reports = [
        StatusReport(ProviderId(str(batch.get("id")), number).text, _status(batch), STATES[_status(batch).lower()])
        async for batch in batches(get, sender, since)
        if number in numbers(batch) and body in {None, text_for(batch, number)}
    ]
    return reports[::-1]


def _status(batch: Mapping[str, Any]) -> str:
    return _CANCELED if batch.get("canceled") else _CREATED


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
