"""Twilio's own log of what a sender sent: the list of its messages, a thousand a request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from heliograph.errors import Transient, UpstreamFailed
from heliograph.providers.protocol import LoggedMessage, SenderAddress
from heliograph.providers.twilio.questions import FAILED_AT_TWILIO, UNREADABLE, ask
from heliograph.providers.twilio.senders import MESSAGING_SERVICE

PAGE_SIZE: Final = 1000  # the most that Twilio gives at once
_DAY: Final = timedelta(days=1)
_LONGEST_QUEUE: Final = timedelta(days=1)
"""A message is sent within ten hours of its creation, or never (the largest ValidityPeriod)."""
_PAUSES: Final = (0.5, 2.0)
"""Seconds before a page is asked for again: one failure among a thousand requests must not spoil the whole log."""

Answer = TypeVar("Answer")


async def read_log(
    messages: Any, sender: SenderAddress, since: datetime, until: datetime
) -> AsyncIterator[LoggedMessage]:
    """Every message from `sender` created from `since` to `until`, newest first; see `ProviderConnection.log`.

    Twilio filters by the day of the sending, so the days asked for are wider than the time, and the instant of the
    creation is compared here. A service chooses the number it sends from, so it is told apart here too.
    """
    by_service = sender.kind == MESSAGING_SERVICE
    filters = {} if by_service else {"from_": sender.address}
    start = since.replace(microsecond=0)  # Twilio's instants are whole seconds
    first, last = since.astimezone(UTC) - _DAY, until.astimezone(UTC) + _LONGEST_QUEUE + _DAY
    page = await _patiently(
        lambda: messages.page_async(
            date_sent_after=first.date().isoformat(),
            date_sent_before=last.date().isoformat(),
            page_size=PAGE_SIZE,
            **filters,
        )
    )
    while page is not None:
        for each in _read(page):
            if (
                each.direction == "outbound-api"
                and start <= each.date_created <= until
                and (not by_service or each.messaging_service_sid == sender.address)
            ):
                yield LoggedMessage(each.sid, each.to, str(each.status), each.date_created)
        page = await _patiently(page.next_page_async)


def _read(page: Any) -> list[Any]:
    """The messages of a page; `UpstreamFailed` when one has no id, number or instant."""
    try:
        read = list(page)
    except UNREADABLE as error:
        raise UpstreamFailed(FAILED_AT_TWILIO) from error
    for each in read:
        named = isinstance(each.sid, str) and isinstance(each.to, str)
        if not (named and isinstance(each.date_created, datetime)):
            raise UpstreamFailed("Twilio's log has a message without sid, recipient or instant of its creation")
    return read


async def _patiently(question: Callable[[], Awaitable[Answer]]) -> Answer:
    for pause in _PAUSES:
        try:
            return await ask(question())
        except Transient:
            await asyncio.sleep(pause)
    return await ask(question())
