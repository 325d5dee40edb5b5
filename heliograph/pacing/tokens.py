"""Tokens of campaign, sender and connector: which buckets a chunk of messages draws from, and how it is spread."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from heliograph.contracts import LANE_OF_CATEGORY, Lane
from heliograph.db import pacing
from heliograph.db.direct import DirectClaim
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
    return await _reserve(
        pool,
        Lane.BULK,
        messages,
        (Bucket.CAMPAIGN, run_id, run.campaign_speed, messages),
        (Bucket.CONNECTOR, run.connector_id, run.connector_speed, all_parts),
        (Bucket.SENDER, run.sender_id, run.sender_speed, all_parts),
    )


async def reserve_direct(pool: Pool, claimed: Sequence[DirectClaim]) -> Reservation:
    """Takes tokens for messages of one connector and sender, by their parts."""
    first, all_parts = claimed[0], float(sum(each.parts for each in claimed))
    return await _reserve(
        pool,
        LANE_OF_CATEGORY[first.category],
        float(len(claimed)),
        (Bucket.CONNECTOR, first.connector_id, first.connector_speed, all_parts),
        (Bucket.SENDER, first.sender_id, first.sender_speed, all_parts),
    )


async def _reserve(
    pool: Pool, lane: Lane, messages: float, *limits: tuple[Bucket, UUID, float | None, float]
) -> Reservation:
    """Each limit is a bucket, what it belongs to, its tokens a second (None: no limit), and the tokens wanted."""
    buckets = [
        (bucket, Demand(f"{bucket.value}/{id}", speed, tokens))
        for bucket, id, speed, tokens in limits
        if speed is not None
    ]
    if not buckets or not messages:
        return Reservation()
    began = time.monotonic()
    wait = await pacing.reserve(pool, [demand for _, demand in buckets])
    slowest, demand = max(buckets, key=lambda item: item[1].tokens / item[1].per_second)
    metrics.record_pacing_wait(slowest, lane, wait + time.monotonic() - began)
    return Reservation(wait, demand.tokens / demand.per_second / messages)
