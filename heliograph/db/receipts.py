"""Receipts: stored once, matched to their messages, folded into the ledger, a batch in one statement.

The order in which receipts arrive cannot matter. What a message shows is the greatest of all its receipts by
(rank of the state, code), and that of several parts is a maximum too: "failed" as soon as any part is, "delivered"
as soon as every part is. docs/receipts.md tells the rules; tests hold this SQL against `domain.ledger.fold_receipt`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from heliograph.db.counters import SHARD
from heliograph.db.engine import Connection, Pool
from heliograph.db.moves import MOVED, Moves, read_moves, summed, total
from heliograph.domain.ledger import EXCLUDED, RECEIPT_RANK, MessageState


class IncomingReport(NamedTuple):
    """One report as it enters the ledger; the fields stand in the order of the statement's columns."""

    connector_id: UUID
    workspace_id: UUID
    key: str  # our reference where the report names it, else the provider's id
    message_id: UUID | None  # named by our reference
    attempt: int | None
    part: int  # 0: the whole message
    status: str  # the provider's own word
    code: str  # the provider's error code, '' without one
    provider_message_id: str | None  # None: not known to who reports
    state: str  # a receipt state
    error_class: str | None
    error_message: str | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fresh:
    """Receipts of one connector that were not there yet."""

    stored: int = 0
    parked: int = 0  # of these, without a message

    def __add__(self, other: "Fresh") -> "Fresh":
        return Fresh(self.stored + other.stored, self.parked + other.parked)


@dataclass(frozen=True, slots=True)
class StoredReceipts:
    """What a batch did."""

    stored: int = 0  # receipts that were not there yet; of `join_parked`: receipts that found their message
    parked: int = 0  # of these, without a message
    moved: int = 0  # messages whose state or code changed
    conflicts: int = 0  # receipts that contradict another final word
    moves: tuple[Moves, ...] = field(default=(), compare=False)  # what `moved` counts, for the metrics
    fresh: Mapping[UUID, Fresh] = field(default_factory=dict, compare=False)  # what `stored` counts, by connector

    def __add__(self, other: "StoredReceipts") -> "StoredReceipts":
        return StoredReceipts(
            self.stored + other.stored,
            self.parked + other.parked,
            self.moved + other.moved,
            self.conflicts + other.conflicts,
            self.moves + other.moves,
            {
                connector_id: self.fresh.get(connector_id, Fresh()) + other.fresh.get(connector_id, Fresh())
                for connector_id in (*self.fresh, *other.fresh)
            },
        )


def _ordered(states: Sequence[MessageState]) -> str:
    return "'{" + ",".join(states) + "}'::message_state[]"


_BY_RANK = _ordered(sorted(RECEIPT_RANK, key=lambda state: RECEIPT_RANK[state]))
_NEVER_TAKEN = _ordered(sorted(EXCLUDED | {MessageState.REJECTED}))
_FIRST_FINAL = RECEIPT_RANK[MessageState.UNDELIVERED]


def _rank(state: str) -> str:
    """NULL for a state that is not a receipt's."""
    return f"array_position({_BY_RANK}, {state})"


# Where a report belongs, for a row `report` with `message_id, attempt` (our reference) or `unnamed_id` (the provider's
# id where there is no reference; NULL finds nothing at no cost). LATERAL with LIMIT keeps this a few index probes a
# row even while the planner believes the tables empty. A current attempt belongs to the connector that made it.
_BELONGS = """
    LEFT JOIN LATERAL (
        SELECT message.id, report.attempt FROM message
        WHERE message.workspace_id = report.workspace_id AND message.id = report.message_id
          AND report.attempt BETWEEN 1 AND message.attempt
          AND (report.attempt < message.attempt OR message.connector_id = report.connector_id)
        UNION ALL
        SELECT message.id, message.attempt FROM message
        WHERE message.provider_message_id = report.unnamed_id
          AND message.workspace_id = report.workspace_id AND message.connector_id = report.connector_id
        UNION ALL
        SELECT attempt.message_id, attempt.attempt FROM attempt
        WHERE attempt.provider_message_id = report.unnamed_id
          AND attempt.workspace_id = report.workspace_id AND attempt.connector_id = report.connector_id
        LIMIT 1
    ) AS match ON true
"""

_RETURNING = """
    RETURNING receipt.ctid AS place, receipt.connector_id, receipt.workspace_id, receipt.message_id, receipt.attempt,
        receipt.part, receipt.status, receipt.code, receipt.provider_message_id, receipt.state, receipt.error_class,
        receipt.error_message, receipt.occurred_at, receipt.received_at
"""

_SUMS = summed("updated", lags="array_agg(lag) FILTER (WHERE lag IS NOT NULL)")

# Every source of `fresh` receipts (new ones, joined ones, completed parts) ends in the same fold:
#   words    one row per message and attempt, the greatest word first; one delivered part alone only says "sent";
#   locked   the messages, locked in the order of their ids, as everywhere, so that commits cannot deadlock; read as
#            they are now, not as they were when the statement began;
#   moves    what becomes of each: a receipt of the current attempt proves that the provider took the message, also
#            when it is claimed, in doubt, or waits to be tried once more (it must not be sent again then);
#   updated  HOT: of the columns that change only the provider's id is indexed, and it is set once. `new_state = word`
#            says "is not NULL" in a way that lets the planner expect one row and so probe the key: a plan that was
#            made while the table was small would otherwise read the whole of it for every batch, until it is analysed;
#   counted  last, since these rows stay locked until the commit.
# The answer is one row: counts, sums for the metrics, and the places of the few receipts that `_second_look` needs.
_FOLD = f"""
, heard AS (
    SELECT fresh.*, CASE WHEN part > 0 AND state = 'delivered' THEN 'sent' ELSE state END AS word
    FROM fresh WHERE message_id IS NOT NULL
), words AS (
    SELECT DISTINCT ON (message_id, attempt) * FROM heard
    ORDER BY message_id, attempt, {_rank("word")} DESC, code DESC, received_at
), locked AS (
    SELECT words.*, message.state AS old_state, message.error_code AS old_error, message.attempt AS current_attempt
    FROM words
    CROSS JOIN LATERAL (
        SELECT state, error_code, attempt FROM message
        WHERE message.workspace_id = words.workspace_id AND message.id = words.message_id
        FOR NO KEY UPDATE
    ) AS message
), moves AS (
    SELECT *,
        CASE WHEN attempt = current_attempt AND (
            old_state IN ('queued', 'claimed', 'in_doubt', 'unconfirmed', 'unknown')
            OR ({_rank("word")}, code) > ({_rank("old_state")}, coalesce(old_error, ''))
        ) THEN word END AS new_state
    FROM locked
), updated AS (
    UPDATE message SET
        state = moves.new_state, reason = NULL, hold_reason = NULL,
        provider_message_id = coalesce(message.provider_message_id, nullif(moves.provider_message_id, '')),
        provider_status = moves.status, error_class = moves.error_class, error_code = nullif(moves.code, ''),
        error_message = moves.error_message,
        accepted_at = coalesce(message.accepted_at, moves.received_at),
        final_at = CASE WHEN {_rank("moves.new_state")} >= {_FIRST_FINAL} THEN moves.received_at END,
        status_changed_at = coalesce(moves.occurred_at, moves.received_at)
    FROM moves
    WHERE moves.new_state = moves.word
      AND message.workspace_id = moves.workspace_id AND message.id = moves.message_id
    RETURNING message.workspace_id, message.run_id,
        old.state AS old_state, coalesce(old.error_code, old.reason, '') AS old_code,
        CASE WHEN old.state = 'queued' THEN 0 ELSE coalesce(old.parts, 0) END AS old_parts,
        new.state AS state, coalesce(new.error_code, '') AS code, coalesce(new.parts, 0) AS parts,
        {MOVED}, extract(epoch FROM moves.received_at - old.accepted_at)::float8 AS lag
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT run_id, $1, state, code, workspace_id, sum(change), sum(parts) FROM (
        SELECT run_id, workspace_id, old_state AS state, old_code AS code, -1 AS change, -old_parts AS parts
        FROM updated
        UNION ALL
        SELECT run_id, workspace_id, state, code, 1, parts FROM updated
    ) AS deltas
    WHERE run_id IS NOT NULL
    GROUP BY run_id, workspace_id, state, code HAVING sum(change) <> 0 OR sum(parts) <> 0
    ORDER BY run_id, state, code
    ON CONFLICT (run_id, shard, state, code)
    DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
), effects AS (
    SELECT heard.place,
        heard.attempt < moves.current_attempt AS earlier,
        heard.attempt = moves.current_attempt AND heard.part > 0 AND heard.state = 'delivered' AS part_delivered,
        CASE
            WHEN heard.attempt < moves.current_attempt THEN heard.state = 'delivered'
            WHEN moves.old_state = ANY ({_NEVER_TAKEN}) THEN true
            WHEN {_rank("heard.word")} < {_FIRST_FINAL} THEN false
            ELSE heard.word <> coalesce(moves.new_state, moves.old_state)
              OR {_rank("moves.old_state")} >= {_FIRST_FINAL} AND heard.word <> moves.old_state
        END AS conflict
    FROM heard JOIN moves USING (message_id, attempt)
)
SELECT
    (SELECT jsonb_object_agg(connector_id, counts) FROM (
        SELECT connector_id, ARRAY[count(*), count(*) FILTER (WHERE message_id IS NULL)] AS counts
        FROM fresh GROUP BY connector_id
    ) AS of_connector) AS fresh,
    (SELECT jsonb_agg(sums) FROM ({_SUMS}) AS sums) AS moves,
    array_agg(place) FILTER (WHERE conflict) AS conflicts,
    array_agg(place) FILTER (WHERE earlier) AS earlier,
    array_agg(place) FILTER (WHERE part_delivered) AS parts_delivered
FROM effects
"""

# Inserted in the order of their keys: two batches with the same receipts wait for each other, never in a circle.
_STORE = f"""
WITH incoming AS (
    SELECT *, CASE WHEN message_id IS NULL THEN provider_message_id END AS unnamed_id
    FROM unnest(
        $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::smallint[], $7::smallint[], $8::text[], $9::text[],
        $10::text[], $11::message_state[], $12::error_class[], $13::text[], $14::timestamptz[]
    ) AS report (
        connector_id, workspace_id, key, message_id, attempt, part, status, code,
        provider_message_id, state, error_class, error_message, occurred_at
    )
), fresh AS (
    INSERT INTO receipt (
        connector_id, reference, part, status, code, workspace_id, message_id, attempt, provider_message_id,
        state, error_class, error_message, occurred_at, received_at, conflict
    )
    SELECT report.connector_id, report.key, report.part, report.status, report.code, report.workspace_id,
        match.id, match.attempt, report.provider_message_id,
        report.state, report.error_class, report.error_message, report.occurred_at, clock_timestamp(), false
    FROM incoming AS report {_BELONGS}
    ORDER BY report.connector_id, report.key, report.part, report.status, report.code
    ON CONFLICT DO NOTHING
    {_RETURNING}
) {_FOLD}
"""

# Parked receipts that another commit has locked are being joined there. A receipt that names a reference of ours
# and was parked all the same belongs to nobody here, unless its provider's id says otherwise. `taken` goes to the place
# of each: told its key and that it is parked, a planner without statistics reads all that is parked for every one.
_KEY = ("connector_id", "reference", "part", "status", "code")


def _key(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in _KEY)


def _join(condition: str, limit: str = "") -> str:
    return f"""
WITH found AS (
    SELECT {_key("report")}, report.place, match.id, match.attempt
    FROM (
        SELECT receipt.*, receipt.ctid AS place, receipt.provider_message_id AS unnamed_id FROM receipt
        WHERE receipt.message_id IS NULL AND {condition}
    ) AS report
    {_BELONGS} WHERE match.id IS NOT NULL
    ORDER BY {_key("report")}
    {limit}
), taken AS (
    SELECT found.* FROM found
    CROSS JOIN LATERAL (
        SELECT FROM receipt WHERE receipt.ctid = found.place AND receipt.message_id IS NULL
        FOR UPDATE SKIP LOCKED
    ) AS still_parked
), fresh AS (
    UPDATE receipt SET message_id = taken.id, attempt = taken.attempt
    FROM taken
    WHERE ({_key("receipt")}) = ({_key("taken")})
    {_RETURNING}
) {_FOLD}
"""


_JOIN_NAMED = _join("receipt.connector_id = $2 AND receipt.provider_message_id = ANY ($3)")
_JOIN_ANY = _join("receipt.received_at > now() - interval '7 days'", "LIMIT $2")

# A message is delivered when each of its parts is; a message whose parts were not counted, with the first of them.
# Runs after the message is locked, so that of two commits with one part each the second sees both.
_COMPLETE = f"""
WITH asked AS (
    SELECT DISTINCT workspace_id, message_id, attempt FROM receipt WHERE ctid = ANY ($2::tid[])
), fresh AS (
    SELECT last.place, last.connector_id, asked.workspace_id, asked.message_id, asked.attempt, 0::smallint AS part,
        last.status, last.code, last.provider_message_id, last.state, last.error_class, last.error_message,
        last.occurred_at, last.received_at
    FROM asked
    JOIN message ON message.workspace_id = asked.workspace_id AND message.id = asked.message_id
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT part) AS count FROM receipt
        WHERE receipt.message_id = asked.message_id AND receipt.attempt = asked.attempt
          AND receipt.part > 0 AND receipt.state = 'delivered'
    ) AS delivered
    CROSS JOIN LATERAL (
        SELECT receipt.*, receipt.ctid AS place FROM receipt
        WHERE receipt.message_id = asked.message_id AND receipt.attempt = asked.attempt
          AND receipt.part > 0 AND receipt.state = 'delivered'
        ORDER BY receipt.occurred_at DESC NULLS LAST, receipt.part LIMIT 1
    ) AS last
    WHERE delivered.count >= coalesce(message.parts, 1)
) {_FOLD}
"""

# What is told of an attempt that another one followed changes that attempt alone, by the same order.
_EARLIER = f"""
WITH word AS (
    SELECT DISTINCT ON (message_id, attempt) * FROM receipt WHERE ctid = ANY ($1::tid[])
    ORDER BY message_id, attempt, {_rank("state")} DESC, code DESC
)
UPDATE attempt SET
    outcome = word.state,
    provider_message_id = coalesce(attempt.provider_message_id, nullif(word.provider_message_id, '')),
    error_class = word.error_class, error_code = nullif(word.code, ''), error_message = word.error_message
FROM word
WHERE attempt.workspace_id = word.workspace_id AND attempt.message_id = word.message_id
  AND attempt.attempt = word.attempt
  AND (
    attempt.outcome IN ('queued', 'claimed', 'in_doubt', 'unconfirmed', 'unknown')
    OR ({_rank("word.state")}, word.code) > ({_rank("attempt.outcome")}, coalesce(attempt.error_code, ''))
  )
"""


async def store_and_fold(connection: Connection, reports: Sequence[IncomingReport]) -> StoredReceipts:
    """Stores what is new of `reports` and folds it into the ledger, in the caller's transaction.

    A report that belongs to no message here is parked, never an error. The same report twice is one row. Raises what
    PostgreSQL raises on a row it cannot hold; `services.receipts.store` splits that row off.
    """
    if not reports:
        return StoredReceipts()
    return await _second_look(connection, await connection.fetchrow(_STORE, SHARD, *zip(*reports, strict=True)))


async def any_parked(pool: Pool, connector_id: UUID, provider_message_ids: Sequence[str]) -> bool:
    """Whether a receipt of these messages waits: a probe of a small, mostly empty, partial index for each."""
    found: bool = await pool.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM receipt
            WHERE message_id IS NULL AND connector_id = $1 AND provider_message_id = ANY ($2::text[])
        )
        """,
        connector_id,
        provider_message_ids,
    )
    return found


async def join_parked(
    connection: Connection, connector_id: UUID, provider_message_ids: Sequence[str]
) -> StoredReceipts:
    """Folds parked receipts of messages whose provider's ids are known by now; `stored` found theirs.

    For the commit that records those ids. One probe of a small partial index when nothing is parked.
    """
    row = await connection.fetchrow(_JOIN_NAMED, SHARD, connector_id, provider_message_ids)
    return await _second_look(connection, row)


async def sweep_parked(connection: Connection, limit: int) -> StoredReceipts:
    """Folds up to `limit` receipts of the last days that were parked and match now; `stored` of them do."""
    return await _second_look(connection, await connection.fetchrow(_JOIN_ANY, SHARD, limit))


async def _second_look(connection: Connection, row: Any) -> StoredReceipts:
    """What few receipts need: conflicts marked, earlier attempts told, messages of several parts completed.

    These receipts were written by this transaction, so that nobody else can have moved them from their places.
    """
    conflicts = list(row["conflicts"] or ())
    moves = read_moves(row["moves"] or ())
    if row["earlier"]:
        await connection.execute(_EARLIER, row["earlier"])
    if row["parts_delivered"]:
        completed = await connection.fetchrow(_COMPLETE, SHARD, row["parts_delivered"])
        moves += read_moves(completed["moves"] or ())
        conflicts += [place for place in completed["conflicts"] or () if place not in conflicts]
    if conflicts:
        await connection.execute("UPDATE receipt SET conflict = true WHERE ctid = ANY ($1::tid[])", conflicts)
    fresh = {UUID(connector_id): Fresh(*counts) for connector_id, counts in (row["fresh"] or {}).items()}
    together = sum(fresh.values(), Fresh())
    return StoredReceipts(together.stored, together.parked, total(moves), len(conflicts), tuple(moves), fresh)
