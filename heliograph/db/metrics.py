"""The counters and histograms of the whole installation: added to by every process, read for `/metrics`."""

from collections.abc import Sequence

from heliograph.db.engine import Pool
from heliograph.telemetry.tally import Increment

# In the order of their keys, as everywhere, so that processes wait for each other, never in a circle. A series whose
# buckets are others by now (another version counts) begins anew, which a reader of Prometheus takes for a restart.
_ADD = """
INSERT INTO metric_series AS known (name, labels, count, total, buckets)
SELECT name, labels, count, total, buckets::bigint[]
FROM unnest($1::text[], $2::jsonb[], $3::bigint[], $4::float8[], $5::text[])
  AS given (name, labels, count, total, buckets)
ORDER BY name, labels
ON CONFLICT (name, labels) DO UPDATE SET (count, total, buckets) = (
    SELECT
        excluded.count + CASE WHEN alike THEN known.count ELSE 0 END,
        excluded.total + CASE WHEN alike THEN known.total ELSE 0 END,
        CASE WHEN alike THEN coalesce((
            SELECT array_agg(ours + theirs ORDER BY place)
            FROM unnest(known.buckets, excluded.buckets) WITH ORDINALITY AS bucket (ours, theirs, place)
        ), '{}') ELSE excluded.buckets END
    FROM (SELECT cardinality(known.buckets) = cardinality(excluded.buckets)) AS compared (alike)
)
"""


async def add(pool: Pool, increments: Sequence[Increment]) -> None:
    """Adds what a process counted, in one statement; nothing of it when it fails. No two increments of one series."""
    await pool.execute(
        _ADD,
        [each.name for each in increments],
        [each.labels for each in increments],
        [each.count for each in increments],
        [each.total for each in increments],
        [f"{{{','.join(map(str, each.buckets))}}}" for each in increments],
    )


async def read_all(pool: Pool) -> list[Increment]:
    """Every series with its sums, by name and labels."""
    rows = await pool.fetch("SELECT name, labels, count, total, buckets FROM metric_series ORDER BY name, labels")
    return [Increment(**row) for row in rows]
