"""Callbacks to our users: what they are about, when they are due, how they are signed, how long they are tried."""

import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from heliograph.domain.ledger import MessageState


class WebhookKind(StrEnum):
    """What a callback is about."""

    MESSAGE = "message"
    CAMPAIGN = "campaign"


class WebhookStrategy(StrEnum):
    """When there is a callback."""

    ON_CHANGE = "on-change"
    ON_COMPLETION = "on-completion"


class Callback(BaseModel):
    """Where a request wants to hear of what it starts, and when. Signed with the secret of the address's host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1, max_length=2_000, examples=["https://shop.example/callbacks/sms"])
    strategy: WebhookStrategy = WebhookStrategy.ON_CHANGE


STEP_PER_CENT: Final = 20
"""Of a campaign's recipients: how far the share of one status moves between two callbacks on change."""


def shown(states: Mapping[MessageState, int]) -> dict[str, int]:
    """The counts of a campaign as a callback has them: what a worker holds for a moment counts as queued."""
    counts = Counter[str]()
    for state, count in states.items():
        counts[(MessageState.QUEUED if state is MessageState.CLAIMED else state).value] += count
    return dict(+counts)


def moved_a_step(told: Mapping[str, int] | None, counts: Mapping[str, int], recipients: int) -> bool:
    """Whether the share of any status moved by a step since `told`; before the first callback all count as queued."""
    before = {MessageState.QUEUED.value: recipients} if told is None else told
    return recipients > 0 and any(
        abs(counts.get(state, 0) - before.get(state, 0)) * 100 >= STEP_PER_CENT * recipients
        for state in counts.keys() | before.keys()
    )


def signature(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """The header `Heliograph-Signature`: `t=<Unix seconds>,v1=<hex>`, one `v1` for each secret that is in force.

    Each is HMAC-SHA256, keyed with the secret's characters, over the timestamp in decimal, a dot, and the body.
    """
    signed = f"{timestamp}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])


_FIRST_PAUSE: Final = timedelta(seconds=1)
_FIRST_OWN_PAUSE: Final = timedelta(seconds=15)
_LONGEST_OWN_PAUSE: Final = timedelta(hours=1)


def pause_of_endpoint(failures: int, longest: timedelta) -> timedelta:
    """How long an endpoint that failed so many times in a row is left alone."""
    return min(longest, _FIRST_PAUSE * math.ldexp(1, min(failures - 1, 20)))


def pause_of_delivery(tries: int) -> timedelta:
    """How long a callback waits that a working endpoint refused so many times."""
    return min(_LONGEST_OWN_PAUSE, _FIRST_OWN_PAUSE * math.ldexp(1, min(tries - 1, 20)))
