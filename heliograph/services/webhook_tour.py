"""One tour of a pump: a batch of callbacks told at once, those of one subject one after the other."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from uuid import UUID

from heliograph.db.webhook_queue import Delivery, HeldWebhook, Refusal, Trouble
from heliograph.domain.webhooks import pause_of_delivery, pause_of_endpoint, signature
from heliograph.errors import InvalidInput, UnknownOutcome, UpstreamFailed
from heliograph.outbound.client import Answer, OutboundClient, OutboundRequest
from heliograph.outbound.reach import PRIVATE_ADDRESS
from heliograph.settings import Settings

_IN_TROUBLE: Final = frozenset({408, 425, 429})
"""Besides 5xx: the endpoint asks for time, whatever it was told."""
_LONGEST_REQUESTED_PAUSE: Final = timedelta(hours=1)


class Tour:
    """Filled by `tell`: what was told, what was refused, and what trouble ended it early.

    What is in none of the three was not tried.
    """

    def __init__(
        self,
        client: OutboundClient,
        settings: Settings,
        webhook: HeldWebhook,
        secrets: Sequence[str],
        *,
        ends_at: float,  # `time.monotonic()`: nothing is written later, since another pump may have the webhook then
    ) -> None:
        self._client = client
        self._settings = settings
        self._webhook = webhook
        self._secrets = secrets
        self._ends_at = ends_at
        self.told: list[UUID] = []
        self.refused: list[Refusal] = []
        self.trouble: Trouble | None = None

    async def tell(self, deliveries: Sequence[Delivery], bodies: Mapping[UUID, bytes]) -> None:
        """Tells `deliveries`, which stand in the order of the queue."""
        by_subject: dict[UUID, list[Delivery]] = {}
        for delivery in deliveries:
            by_subject.setdefault(delivery.subject, []).append(delivery)
        subjects = iter(by_subject.values())
        tellers = min(len(by_subject), self._settings.webhook_connections)
        await asyncio.gather(*(self._tell_subjects(subjects, bodies) for _ in range(tellers)))

    async def _tell_subjects(self, subjects: Iterator[Sequence[Delivery]], bodies: Mapping[UUID, bytes]) -> None:
        for deliveries in subjects:  # shared by the tellers: each takes the next one
            for delivery in deliveries:
                if self._over or not await self._tell(delivery, bodies.get(delivery.id)):
                    break  # a later one must not overtake this one

    @property
    def _over(self) -> bool:
        return self.trouble is not None or time.monotonic() >= self._ends_at

    async def _tell(self, delivery: Delivery, body: bytes | None) -> bool:
        if body is None:  # the ledger has no such message any more: nothing is left to tell
            self.told.append(delivery.id)
            return True
        try:
            answer = await self._client.send(self._request(delivery, body), valid_until=self._ends_at)
        except UpstreamFailed as error:
            if error.code != "lease_expired":
                self._stop(delivery, error.detail)
        except UnknownOutcome as error:
            self._stop(delivery, error.detail)
        except InvalidInput as error:
            if any(each.code == PRIVATE_ADDRESS for each in error.errors):
                self._stop(delivery, error.detail)
            else:
                self._refuse(delivery, error.detail)
        else:
            return self._took(delivery, answer)
        return False

    def _took(self, delivery: Delivery, answer: Answer) -> bool:
        if 200 <= answer.status < 300:
            self.told.append(delivery.id)
            return True
        reason = f"answered HTTP {answer.status}"
        if answer.status >= 500 or answer.status in _IN_TROUBLE:
            self._stop(delivery, reason, _retry_after(answer.headers.get("retry-after", "")))
        else:
            self._refuse(delivery, reason)
        return False

    def _stop(self, delivery: Delivery, reason: str, requested: timedelta = timedelta(0)) -> None:
        if self.trouble is None:
            longest = timedelta(seconds=self._settings.webhook_longest_pause_seconds)
            failures = 1 if self.told else self._webhook.failures + 1
            pause = max(requested, pause_of_endpoint(failures, longest))
            own_pause = max(pause, min(longest, pause_of_delivery(delivery.tries + 1)))
            self.trouble = Trouble(delivery.id, reason, pause, own_pause)

    def _refuse(self, delivery: Delivery, reason: str) -> None:
        self.refused.append(Refusal(delivery.id, reason, pause_of_delivery(delivery.tries + 1)))

    def _request(self, delivery: Delivery, body: bytes) -> OutboundRequest:
        headers = {
            "content-type": "application/json",
            "heliograph-event-id": str(delivery.id),
            "heliograph-event-kind": delivery.kind.value,
            "heliograph-subject-id": str(delivery.subject),
            "heliograph-webhook-id": str(self._webhook.id),
            "heliograph-try": str(delivery.tries + 1),
            "heliograph-signature": signature(self._secrets, int(time.time()), body),
        }
        return OutboundRequest("POST", delivery.url or self._webhook.url, headers, body)


def _retry_after(text: str) -> timedelta:
    """Seconds or a date (RFC 9110 §10.2.3), bounded; nothing when it is neither."""
    try:
        wanted = timedelta(seconds=float(text)) if text.isdigit() else parsedate_to_datetime(text) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    return max(timedelta(0), min(wanted, _LONGEST_REQUESTED_PAUSE))
