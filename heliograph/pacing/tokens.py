"""Tokens of campaign, sender and connector: which buckets a chunk of messages draws from, and how it is spread."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from heliograph.contracts import Lane
from heliograph.db import pacing
from heliograph.db.engine import Pool
from heliograph.db.pacing import Demand
from heliograph.db.runs import SendingRun
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Bucket

_SECONDS_OF_TOKENS = 1.0
"""Tokens are reserved a second of traffic at a time: few statements, and little is wasted when a run is paused."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """When the first message may go, and the time between two, in seconds."""

    wait: float = 0.0
    spacing: float = 0.0


def largest_chunk(run: SendingRun, most: int) -> int:
    """Messages of one chunk: a second of traffic at the run's slowest limit, at most `most`."""
    speeds = (run.campaign_speed, run.sender_speed, run.connector_speed)
    return min([most, *(max(1, int(speed * _SECONDS_OF_TOKENS)) for speed in speeds if speed is not None)])


async def reserve(pool: Pool, run_id: UUID, run: SendingRun, parts: Sequence[int]) -> Reservation:
    """Takes tokens for messages of so many parts each. Senders and connectors count parts, campaigns messages."""
    messages, all_parts = float(len(parts)), float(sum(parts))
    buckets = [
        (Bucket.CAMPAIGN, Demand(f"campaign/{run_id}", speed, messages))
        for speed in (run.campaign_speed,)
        if speed is not None
    ]
    buckets += [
        (bucket, Demand(f"{bucket.value}/{id}", speed, all_parts))
        for bucket, id, speed in (
            (Bucket.CONNECTOR, run.connector_id, run.connector_speed),
            (Bucket.SENDER, run.sender_id, run.sender_speed),
        )
        if speed is not None
    ]
    if not buckets or not messages:
        return Reservation()
    began = time.monotonic()
    wait = await pacing.reserve(pool, [demand for _, demand in buckets])
    slowest, demand = max(buckets, key=lambda item: item[1].tokens / item[1].per_second)
    metrics.record_pacing_wait(slowest, Lane.BULK, wait + time.monotonic() - began)
    return Reservation(wait, demand.tokens / demand.per_second / messages)
