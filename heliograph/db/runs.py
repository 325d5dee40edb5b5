"""Runs: their plan, status and figures, what remains in them, and their close."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from heliograph.db.counters import SHARD, Figure
from heliograph.db.engine import Connection, Pool
from heliograph.db.moves import MOVED, Moves, read_moves, summed
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import CampaignStatus, RunStatus

CAMPAIGN_STATUS_OF = {
    RunStatus.SCHEDULED: CampaignStatus.SCHEDULED,
    RunStatus.ACTIVE: CampaignStatus.ACTIVE,
    RunStatus.PAUSED: CampaignStatus.PAUSED,
    RunStatus.STOPPING: CampaignStatus.STOPPED,
    RunStatus.COMPLETED: CampaignStatus.COMPLETED,
    RunStatus.STOPPED: CampaignStatus.STOPPED,
    RunStatus.UNBALANCED: CampaignStatus.UNBALANCED,
}
"""What a one-time campaign shows while its run is there."""


async def read_plan(connection: Connection | Pool, run_id: UUID) -> dict[str, Any] | None:
    """What the workflow needs of a run, or None. The speed is the smallest that is set."""
    row = await connection.fetchrow(
        """
        SELECT run.campaign_id, campaign.name AS campaign_name, run.category, run.channel, run.status, run.pause_reason,
            run.start_at, run.expires_at, run.source_rows, run.frozen_at IS NOT NULL AS frozen, run.receipt_window,
            least(run.messages_per_second, sender.messages_per_second, connector.messages_per_second)
                AS messages_per_second
        FROM run
        JOIN campaign ON campaign.id = run.campaign_id
        JOIN sender ON sender.id = run.sender_id
        JOIN connector ON connector.id = run.connector_id
        WHERE run.id = $1
        """,
        run_id,
    )
    return dict(row) if row else None


@dataclass(frozen=True, slots=True)
class SendingRun:
    """What a worker needs to send a run's messages."""

    workspace_id: UUID
    status: RunStatus
    connector_id: UUID
    sender_id: UUID
    sender_kind: str
    sender_address: str
    provider: str
    category: str
    channel: str
    template_version_id: UUID
    campaign_speed: float | None  # messages per second
    sender_speed: float | None
    connector_speed: float | None
    in_doubt_limit: int
    routed: bool  # its sender was not chosen: the workspace's routes decide
    blocked_seconds: float  # the provider said: come back in so many seconds; 0: now


async def read_sending_run(pool: Pool, run_id: UUID) -> SendingRun | None:
    """The run as it stands now: speeds and blocks change while it runs."""
    row = await pool.fetchrow(
        """
        SELECT run.workspace_id, run.status, run.connector_id, run.sender_id, sender.kind AS sender_kind,
            sender.address AS sender_address, connector.provider, run.category, run.channel, run.template_version_id,
            run.messages_per_second AS campaign_speed, sender.messages_per_second AS sender_speed,
            connector.messages_per_second AS connector_speed, run.in_doubt_limit, run.routed,
            coalesce(greatest(0, extract(epoch FROM bucket.blocked_until - now())), 0)::float8 AS blocked_seconds
        FROM run
        JOIN sender ON sender.id = run.sender_id
        JOIN connector ON connector.id = run.connector_id
        LEFT JOIN pacing_bucket AS bucket ON bucket.key = 'connector/' || run.connector_id
        WHERE run.id = $1
        """,
        run_id,
    )
    return SendingRun(**{**row, "status": RunStatus(row["status"])}) if row else None


async def change_status(
    connection: Connection,
    run_id: UUID,
    status: RunStatus,
    *,
    allowed: frozenset[RunStatus],
    reason: str | None = None,
) -> RunStatus | None:
    """Moves run and campaign together, if the run is in one of `allowed`; the status the run has now."""
    current = await connection.fetchval("SELECT status::text FROM run WHERE id = $1 FOR NO KEY UPDATE", run_id)
    if current is None:
        return None
    if RunStatus(current) not in allowed:
        return RunStatus(current)
    await connection.execute(
        "UPDATE run SET status = $2::text::run_status, pause_reason = $3 WHERE id = $1", run_id, status.value, reason
    )
    await connection.execute(
        """
        UPDATE campaign SET status = $2::text::campaign_status, updated_at = now()
        FROM run WHERE run.id = $1 AND campaign.id = run.campaign_id AND campaign.delivery_type = 'ONE_TIME'
        """,
        run_id,
        CAMPAIGN_STATUS_OF[status].value,
    )
    return status


async def pause_if_too_much_is_in_doubt(connection: Connection, run_id: UUID) -> bool:
    """Pauses the run in the caller's transaction when more than its limit is in doubt."""
    over: bool = await connection.fetchval(
        """
        SELECT coalesce(sum(counter.count), 0) > min(run.in_doubt_limit)
        FROM run LEFT JOIN run_counter AS counter ON counter.run_id = run.id AND counter.state = 'in_doubt'
        WHERE run.id = $1
        """,
        run_id,
    )
    if over:
        await change_status(
            connection,
            run_id,
            RunStatus.PAUSED,
            allowed=frozenset({RunStatus.ACTIVE}),
            reason="too many messages in doubt: the provider or the network is failing; resume when it works again",
        )
    return over


async def change_speed(connection: Connection, run_id: UUID, messages_per_second: float | None) -> None:
    """The run's own limit; workers read it before the next chunk."""
    await connection.execute("UPDATE run SET messages_per_second = $2 WHERE id = $1", run_id, messages_per_second)


async def queued_ranges(pool: Pool, run_id: UUID, size: int, limit: int) -> list[dict[str, Any]]:
    """Ranges of at most `size` recipients that hold queued messages, the earliest due first.

    Reads the run's rows once by ix_message_range: asked for when the batches are through, not in between.
    """
    rows = await pool.fetch(
        """
        SELECT wave, min(number) AS first, max(number) AS last, min(due_at) AS due_at
        FROM message WHERE run_id = $1 AND state = 'queued'
        GROUP BY wave, number / $2 ORDER BY min(due_at), min(number) LIMIT $3
        """,
        run_id,
        size,
        limit,
    )
    return [dict(row) for row in rows]


async def claimed_until(pool: Pool, run_id: UUID) -> float:
    """Seconds until the last lease given out in this run has run out; 0 when nothing is claimed.

    A lease that has run out counts as a second until the sweeper settles it: the message is still open.
    """
    seconds: float = await pool.fetchval(
        """
        SELECT coalesce(max(greatest(1, extract(epoch FROM lease_until - now()))), 0)::float8
        FROM message WHERE run_id = $1 AND state = 'claimed'
        """,
        run_id,
    )
    return seconds


# A chunk at a time, in the order of ids, each in its own transaction: a stop of a million is a second of short locks.
_DISCARD = f"""
WITH locked AS (
    SELECT workspace_id, id FROM message
    WHERE run_id = $1 AND state = 'queued' AND number > $2 ORDER BY number LIMIT $3
    FOR UPDATE
), archived AS (
    INSERT INTO attempt (
        workspace_id, message_id, attempt, connector_id, sender_id, claimed_at, outcome,
        provider_message_id, error_class, error_code, error_message
    )
    SELECT message.workspace_id, message.id, attempt, connector_id, sender_id, claimed_at, state,
        provider_message_id, error_class, error_code, error_message
    FROM message JOIN locked ON message.workspace_id = locked.workspace_id AND message.id = locked.id
    WHERE attempt > 0
    ON CONFLICT DO NOTHING
), moved AS (
    UPDATE message SET state = $4::text::message_state, reason = $5, hold_reason = NULL, error_class = NULL,
        error_code = NULL, error_message = NULL, final_at = now(), status_changed_at = now()
    FROM locked WHERE message.workspace_id = locked.workspace_id AND message.id = locked.id
    RETURNING message.workspace_id, number, coalesce(old.error_code, old.reason, '') AS old_code, new.state, {MOVED}
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT $1, $6, state, code, workspace_id, sum(change), 0 FROM (
        SELECT workspace_id, 'queued'::message_state AS state, old_code AS code, -1 AS change FROM moved
        UNION ALL
        SELECT workspace_id, $4::text::message_state, $5, 1 FROM moved
    ) AS deltas GROUP BY workspace_id, state, code ORDER BY state, code
    ON CONFLICT (run_id, shard, state, code) DO UPDATE SET count = counter.count + excluded.count
)
SELECT (SELECT max(number) FROM moved) AS through, (SELECT jsonb_agg(sums) FROM ({summed("moved")}) AS sums) AS moves
"""
_DISCARD_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Discarded:
    """A chunk that was taken out of a run."""

    through: int | None  # the last number taken; None: none was left
    moves: list[Moves]


async def discard_queued(pool: Pool, run_id: UUID, after: int, state: MessageState, reason: str) -> Discarded:
    """Takes the next chunk of queued messages out of the run."""
    row = await pool.fetchrow(_DISCARD, run_id, after, _DISCARD_CHUNK, state.value, reason, SHARD)
    return Discarded(row["through"], read_moves(row["moves"] or ()))


async def freeze_rest_as(connection: Connection, run_id: UUID) -> None:
    """Marks a run that is stopped before its freeze as frozen with what stands in the ledger by then."""
    await connection.execute("UPDATE run SET frozen_at = coalesce(frozen_at, now()) WHERE id = $1", run_id)


@dataclass(frozen=True, slots=True)
class Books:
    """A run's states counted anew from the ledger, beside what the counters and the source say."""

    source_rows: int
    ledger: list[Figure]
    counters: list[Figure]
    recipients: int  # distinct recipients in the ledger

    @property
    def counted(self) -> int:
        """Messages in the ledger."""
        return sum(figure.count for figure in self.ledger)

    def balanced(self) -> bool:
        """Every row of the source in exactly one state, and the counters agree."""
        return self.source_rows == self.counted == self.recipients and self.ledger == self.counters


async def read_books(connection: Connection, run_id: UUID) -> Books:
    """Counts the ledger (one read of the run's rows) and reads the counters in the same snapshot."""
    source = await connection.fetchval("SELECT source_rows FROM run WHERE id = $1", run_id)
    ledger = await connection.fetch(
        """
        SELECT state::text, coalesce(error_code, reason, '') AS code, count(*) AS count,
            coalesce(sum(parts) FILTER (
                WHERE claimed_at IS NOT NULL AND state NOT IN ('queued', 'expired', 'cancelled')
            ), 0) AS parts
        FROM message WHERE run_id = $1 GROUP BY 1, 2 ORDER BY 1, 2
        """,
        run_id,
    )
    counters = await connection.fetch(
        """
        SELECT state::text, code, sum(count)::bigint AS count, sum(parts)::bigint AS parts
        FROM run_counter WHERE run_id = $1 GROUP BY 1, 2 HAVING sum(count) <> 0 ORDER BY 1, 2
        """,
        run_id,
    )
    recipients = await connection.fetchval(
        "SELECT count(DISTINCT number) FROM message WHERE run_id = $1 AND number BETWEEN 1 AND $2", run_id, source
    )

    def figures(rows: list[Any]) -> list[Figure]:
        return [Figure(MessageState(row["state"]), row["code"], row["count"], row["parts"]) for row in rows]

    return Books(source, figures(ledger), figures(counters), recipients)


# Only what still awaits something is moved; in id order.
_GIVE_UP = f"""
WITH locked AS (
    SELECT workspace_id, id FROM message
    WHERE run_id = $1 AND state IN ('accepted', 'sent', 'in_doubt') ORDER BY id FOR UPDATE
), moved AS (
    UPDATE message SET
        state = CASE WHEN message.state = 'in_doubt' THEN 'unknown' ELSE 'unconfirmed' END::message_state,
        final_at = now(), status_changed_at = now()
    FROM locked WHERE message.workspace_id = locked.workspace_id AND message.id = locked.id
    RETURNING message.workspace_id, old.state AS old_state, coalesce(old.error_code, old.reason, '') AS code,
        new.state AS state, coalesce(new.parts, 0) AS parts, {MOVED}
), counted AS (
    INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
    SELECT $1, $2, state, code, workspace_id, sum(change), sum(parts) FROM (
        SELECT workspace_id, old_state AS state, code, -1 AS change, -parts AS parts FROM moved
        UNION ALL
        SELECT workspace_id, state, code, 1, parts FROM moved
    ) AS deltas GROUP BY workspace_id, state, code ORDER BY state, code
    ON CONFLICT (run_id, shard, state, code)
    DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
)
{summed("moved")}
"""


async def give_up_waiting(connection: Connection, run_id: UUID) -> list[Moves]:
    """The receipt window closed: accepted and sent become `unconfirmed`, in doubt becomes `unknown`."""
    return read_moves(await connection.fetch(_GIVE_UP, run_id, SHARD))


async def freeze_totals(connection: Connection, run_id: UUID, status: RunStatus, totals: dict[str, Any]) -> None:
    """Closes the run with its totals, and its campaign with it."""
    await connection.execute(
        """
        UPDATE run SET status = $2::text::run_status, totals = $3, closed_at = now(), pause_reason = NULL WHERE id = $1
        """,
        run_id,
        status.value,
        totals,
    )
    await connection.execute(
        """
        UPDATE campaign SET status = $2::text::campaign_status, updated_at = now()
        FROM run WHERE run.id = $1 AND campaign.id = run.campaign_id AND campaign.delivery_type = 'ONE_TIME'
        """,
        run_id,
        CAMPAIGN_STATUS_OF[status].value,
    )


# How far each open run is, from the counters alone: the mean of what was tried and what is final. The new share and
# the row that tells the workflow stand in one commit; a run is told once per 5 %, and once more when nothing is open.
_ANNOUNCE = """
WITH sums AS (
    SELECT run.id, counter.state::text AS state, sum(counter.count) AS count
    FROM run JOIN run_counter AS counter ON counter.run_id = run.id
    WHERE run.status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING') AND run.frozen_at IS NOT NULL
      AND run.announced_share < 100
    GROUP BY run.id, counter.state HAVING sum(counter.count) <> 0
), shares AS (
    SELECT id, jsonb_object_agg(state, count) AS states,
        coalesce(sum(count) FILTER (WHERE state <> ALL ($1::text[])), 0) AS final,
        coalesce(sum(count) FILTER (WHERE state NOT IN ('queued', 'claimed')), 0) AS tried
    FROM sums GROUP BY id
), told AS (
    UPDATE run SET announced_share = least(
        CASE WHEN shares.final >= run.source_rows THEN 100 ELSE 95 END,
        floor((shares.final + shares.tried) * 10 / greatest(run.source_rows, 1)) * 5
    )
    FROM shares
    WHERE run.id = shares.id AND run.announced_share < least(
        CASE WHEN shares.final >= run.source_rows THEN 100 ELSE 95 END,
        floor((shares.final + shares.tried) * 10 / greatest(run.source_rows, 1)) * 5
    )
    RETURNING run.workspace_id, run.id, run.announced_share AS share, shares.states
)
INSERT INTO outbox (workspace_id, topic, key, payload, created_at, available_at, tries)
SELECT workspace_id, 'campaign.progress', id::text, jsonb_build_object('share', share, 'states', states),
    now(), now(), 0
FROM told
"""


async def announce_progress(pool: Pool, open_states: list[str]) -> None:
    """Writes an outbox row for every open run whose share of final messages crossed a multiple of 5 %."""
    await pool.execute(_ANNOUNCE, open_states)


async def open_runs(pool: Pool, older_than: timedelta) -> list[tuple[UUID, UUID]]:
    """(workspace, run) of runs launched a while ago that are not closed: each must have a workflow."""
    rows = await pool.fetch(
        """
        SELECT workspace_id, id FROM run
        WHERE status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING') AND created_at < now() - $1::interval
        """,
        older_than,
    )
    return [(row["workspace_id"], row["id"]) for row in rows]
