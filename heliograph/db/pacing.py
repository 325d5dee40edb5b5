"""Token buckets shared by all processes: one row per campaign, sender or connector that has a speed limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from heliograph.db.engine import Connection, Pool


@dataclass(frozen=True, slots=True)
class Demand:
    """Tokens wanted from one bucket."""

    key: str
    per_second: float
    tokens: float


# The generic cell rate algorithm: `arrival` is when the next token falls due. A bucket that lay idle starts at now.
# Rows are taken in the order of their keys, in one statement, so that two workers cannot deadlock. The answer is the
# latest start of all buckets.
_RESERVE = """
WITH demand AS (
    SELECT * FROM unnest($1::text[], $2::float8[]) AS demand (key, seconds) ORDER BY key
), reserved AS (
    INSERT INTO pacing_bucket AS bucket (key, arrival)
    SELECT key, now() + make_interval(secs => seconds) FROM demand ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET arrival = greatest(bucket.arrival, clock_timestamp()) + (excluded.arrival - now())
    RETURNING key, arrival
)
SELECT max(extract(epoch FROM arrival - clock_timestamp()) - seconds) FROM reserved JOIN demand USING (key)
"""


async def reserve(pool: Pool | Connection, demands: Sequence[Demand]) -> float:
    """Takes the tokens; in how many seconds the first may be used (0: now)."""
    wait = await pool.fetchval(
        _RESERVE, [item.key for item in demands], [item.tokens / item.per_second for item in demands]
    )
    return max(0.0, float(wait))


async def block(pool: Pool | Connection, key: str, delay: timedelta) -> None:
    """A provider said: come back in `delay`. Everybody who asks for this bucket waits that long."""
    await pool.execute(
        """
        INSERT INTO pacing_bucket AS bucket (key, arrival, blocked_until) VALUES ($1, now(), now() + $2)
        ON CONFLICT (key) DO UPDATE SET blocked_until = greatest(bucket.blocked_until, excluded.blocked_until)
        """,
        key,
        delay,
    )


async def blocked_until(pool: Pool | Connection, key: str) -> datetime | None:
    """Until when nothing may be asked of this bucket, if that lies ahead."""
    until: datetime | None = await pool.fetchval(
        "SELECT blocked_until FROM pacing_bucket WHERE key = $1 AND blocked_until > now()", key
    )
    return until
