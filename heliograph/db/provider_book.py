"""The provider's log held against the ledger, set-wise: for each message it lists, whose it is; for each try, whether
it is listed.

The listing is copied into temporary tables that end with the caller's transaction, so that a million messages cost
disk, not memory, and each comparison is a hash join of one side with the other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from heliograph.db.engine import Connection
from heliograph.domain.ledger import RECEIPT_STATES, TAKEN
from heliograph.domain.vocabulary import RunStatus

_COPY_FORMAT = "csv"
_TAKEN = "'{" + ",".join(sorted(TAKEN)) + "}'::message_state[]"
_HEARD_OF = "'{" + ",".join(sorted(RECEIPT_STATES)) + "}'::message_state[]"


@dataclass(frozen=True, slots=True)
class Tried:
    """When and from what a run's messages were tried."""

    workspace_id: UUID
    status: RunStatus
    connector_id: UUID
    provider: str
    sender_kind: str
    sender_address: str
    first: datetime | None  # claim; None: nothing was tried
    last: datetime | None  # end of the last claim's lease: nothing is written to the provider after it


async def read_tried(connection: Connection, run_id: UUID) -> Tried | None:
    """One read of the run's rows and of their earlier attempts; None: there is no such run."""
    row = await connection.fetchrow(
        """
        SELECT run.workspace_id, run.status::text, run.connector_id, connector.provider, sender.kind AS sender_kind,
            sender.address AS sender_address, tries.first, tries.last
        FROM run
        JOIN sender ON sender.workspace_id = run.workspace_id AND sender.id = run.sender_id
        JOIN connector ON connector.workspace_id = run.workspace_id AND connector.id = run.connector_id
        CROSS JOIN LATERAL (
            SELECT min(least(message.claimed_at, earlier.claimed_at)) AS first,
                max(greatest(message.lease_until, message.claimed_at, earlier.claimed_at)) AS last
            FROM message
            LEFT JOIN attempt AS earlier
              ON earlier.workspace_id = message.workspace_id AND earlier.message_id = message.id
            WHERE message.run_id = run.id
        ) AS tries
        WHERE run.id = $1
        """,
        run_id,
    )
    return Tried(**{**row, "status": RunStatus(row["status"])}) if row else None


@dataclass(frozen=True, slots=True)
class Sample:
    """How many, and the ids of the first few."""

    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run's ledger beside the provider's listing."""

    listed: int  # different messages in the listing
    of_this_run: int  # of these
    of_others: int  # of other runs, in this workspace or another
    unknown_to_ledger: Sample  # ids of the provider that belong to no message here
    accepted_in_ledger: int  # messages of the run that the ledger says were taken
    missing_at_provider: Sample  # ids of the provider that the ledger has and the listing has not
    named_twice: Sample  # ids of the provider that stand for more than one try here
    sent_twice: Sample  # our ids of messages that the listing has more than once
    resends_allowed: int  # of these, as often as the policy for doubt allows


# Statements name the tables without schema: a temporary one comes first in the search path.
_TABLES = """
CREATE TEMPORARY TABLE provider_listing (provider_message_id text NOT NULL, address text NOT NULL) ON COMMIT DROP;
CREATE TEMPORARY TABLE named_try (
    provider_message_id text NOT NULL, message_id uuid NOT NULL, tries bigint NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE entry (
    provider_message_id text NOT NULL, address text NOT NULL, message_id uuid, of_others boolean NOT NULL
) ON COMMIT DROP;
"""

# Every try of the run whose name at the provider is known, one row a name.
_NAMED_TRIES = """
INSERT INTO named_try (provider_message_id, message_id, tries)
SELECT provider_message_id, (array_agg(message_id))[1], count(*) FROM (
    SELECT provider_message_id, id AS message_id FROM message
    WHERE run_id = $1 AND provider_message_id IS NOT NULL
    UNION ALL
    SELECT attempt.provider_message_id, attempt.message_id
    FROM attempt JOIN message ON message.workspace_id = attempt.workspace_id AND message.id = attempt.message_id
    WHERE message.run_id = $1 AND attempt.provider_message_id IS NOT NULL
) AS try GROUP BY provider_message_id
"""

# The listing can name a message twice when others were sent while it was read.
_ENTRIES = """
INSERT INTO entry (provider_message_id, address, message_id, of_others)
SELECT listed.provider_message_id, listed.address, named_try.message_id, false
FROM (
    SELECT provider_message_id, min(address) AS address FROM provider_listing GROUP BY provider_message_id
) AS listed
LEFT JOIN named_try USING (provider_message_id)
"""

# What another run sent from the same sender, under whichever connector of the provider. Index probes: the runs that
# overlap in time are few, and what nobody knows fewer.
_OF_OTHERS = """
UPDATE entry SET of_others = true
WHERE message_id IS NULL AND (
    EXISTS (
        SELECT FROM message JOIN connector ON connector.id = message.connector_id
        WHERE message.provider_message_id = entry.provider_message_id AND connector.provider = $1
    ) OR EXISTS (
        SELECT FROM attempt JOIN connector ON connector.id = attempt.connector_id
        WHERE attempt.provider_message_id = entry.provider_message_id AND connector.provider = $1
    )
)
"""

# A try in doubt has no name in the ledger, but it has a recipient: what the provider lists for that number and the
# ledger cannot name otherwise is that try.
_IN_DOUBT = """
UPDATE entry SET message_id = doubted.id
FROM message AS doubted
WHERE entry.message_id IS NULL AND NOT entry.of_others
  AND doubted.address = entry.address AND doubted.workspace_id = $2 AND doubted.run_id = $1
  AND (
    doubted.provider_message_id IS NULL AND (
        doubted.state IN ('claimed', 'in_doubt', 'unknown')
        OR doubted.state = 'queued' AND doubted.error_class = 'unknown_outcome'
    ) OR EXISTS (
        SELECT FROM attempt
        WHERE attempt.workspace_id = doubted.workspace_id AND attempt.message_id = doubted.id
          AND attempt.provider_message_id IS NULL AND attempt.error_class = 'unknown_outcome'
    )
  )
"""

# A message may be with the provider once, and once more for each earlier try that was in doubt when the policy of its
# category sent it again: for promotional messages it never does.
_SENT_TWICE = f"""
WITH repeated AS (
    SELECT message_id, count(*) AS times FROM entry WHERE message_id IS NOT NULL
    GROUP BY message_id HAVING count(*) > 1
), judged AS (
    SELECT repeated.message_id,
        message.category <> 'promotional' AND repeated.times <= 1 + (
            SELECT count(*) FROM attempt
            WHERE attempt.workspace_id = message.workspace_id AND attempt.message_id = message.id
              AND (attempt.error_class = 'unknown_outcome' OR attempt.outcome = ANY ({_HEARD_OF}))
        ) AS allowed
    FROM repeated JOIN message ON message.workspace_id = $1 AND message.id = repeated.message_id
)
SELECT count(*) AS count, count(*) FILTER (WHERE allowed) AS allowed,
    (array_agg(message_id ORDER BY allowed, message_id))[1:$2] AS ids
FROM judged
"""

_COUNTS = f"""
SELECT
    (SELECT count(*) FROM entry) AS listed,
    (SELECT count(*) FROM entry WHERE message_id IS NOT NULL) AS of_this_run,
    (SELECT count(*) FROM entry WHERE of_others) AS of_others,
    (SELECT count(*) FROM message WHERE run_id = $1 AND state = ANY ({_TAKEN})) AS accepted_in_ledger
"""

_UNKNOWN = "FROM entry WHERE message_id IS NULL AND NOT of_others"
_MISSING = "FROM named_try LEFT JOIN entry USING (provider_message_id) WHERE entry.address IS NULL"
_NAMED_TWICE = "FROM named_try WHERE tries > 1"


async def compare(
    connection: Connection, run_id: UUID, tried: Tried, listing: BinaryIO, *, sample: int, missing_sample: int
) -> Comparison:
    """Compares in the caller's transaction, which must not have compared before.

    `listing` is a file of CSV rows (provider's id, number in E.164), at its start. At most `sample` ids of each kind
    are told, of those missing at the provider at most `missing_sample`.
    """
    await connection.execute(_TABLES)
    await connection.copy_to_table(
        "provider_listing", source=listing, format=_COPY_FORMAT, columns=["provider_message_id", "address"]
    )
    await connection.execute(_NAMED_TRIES, run_id)
    await connection.execute("ANALYZE named_try, provider_listing")  # autovacuum never sees a temporary table
    await connection.execute(_ENTRIES)
    await connection.execute("ANALYZE entry")
    await connection.execute(_OF_OTHERS, tried.provider)
    await connection.execute(_IN_DOUBT, run_id, tried.workspace_id)
    counts = await connection.fetchrow(_COUNTS, run_id)
    twice = await connection.fetchrow(_SENT_TWICE, tried.workspace_id, sample)
    return Comparison(
        **counts,
        unknown_to_ledger=await _sample(connection, _UNKNOWN, sample),
        missing_at_provider=await _sample(connection, _MISSING, missing_sample),
        named_twice=await _sample(connection, _NAMED_TWICE, sample),
        sent_twice=Sample(twice["count"], tuple(str(message_id) for message_id in twice["ids"] or ())),
        resends_allowed=twice["allowed"],
    )


async def _sample(connection: Connection, rows: str, limit: int) -> Sample:
    count = await connection.fetchval(f"SELECT count(*) {rows}")
    if not count:
        return Sample(0, ())
    found = await connection.fetch(f"SELECT provider_message_id {rows} ORDER BY provider_message_id LIMIT $1", limit)
    return Sample(count, tuple(row["provider_message_id"] for row in found))
