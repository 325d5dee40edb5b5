"""Callbacks of campaigns in SQL: which runs are watched, how far they are, what is told of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from heliograph.db.engine import Connection
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import RunStatus
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """A run of which somebody wants campaign callbacks, as it stands."""

    run_id: UUID
    webhook_id: UUID
    workspace_id: UUID
    strategy: WebhookStrategy
    url: str | None
    told: dict[str, int] | None
    campaign_id: UUID
    name: str
    recipients: int
    status: RunStatus
    frozen: bool  # its recipients are counted
    closed: bool
    states: dict[MessageState, int]


# Rows of the counters that are read: a few dozen a run. Rows that another watch has locked are its own to tell.
_WATCHED = """
WITH watched AS (
    SELECT callback.run_id, callback.webhook_id, callback.workspace_id, callback.strategy::text, callback.url,
        callback.told
    FROM run_callback AS callback
    WHERE callback.kind = 'campaign' AND NOT callback.done AND (callback.run_id, callback.webhook_id) > ($2, $3)
    ORDER BY callback.run_id, callback.webhook_id LIMIT $1
    FOR UPDATE SKIP LOCKED
)
SELECT watched.*, run.campaign_id, campaign.name, run.source_rows AS recipients, run.status::text,
    run.frozen_at IS NOT NULL AS frozen, run.closed_at IS NOT NULL AS closed, coalesce(counted.states, '{}') AS states
FROM watched
JOIN run ON run.id = watched.run_id
JOIN campaign ON campaign.id = run.campaign_id
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(state, count) AS states FROM (
        SELECT state, sum(count) AS count FROM run_counter WHERE run_counter.run_id = watched.run_id
        GROUP BY state HAVING sum(count) <> 0
    ) AS sums
) AS counted ON true
ORDER BY watched.run_id, watched.webhook_id
"""


async def watched_runs(connection: Connection, after: tuple[UUID, UUID], limit: int) -> list[WatchedRun]:
    """The next runs that are watched after (run, webhook), locked until the caller's commit."""
    return [
        WatchedRun(
            **{
                **row,
                "strategy": WebhookStrategy(row["strategy"]),
                "status": RunStatus(row["status"]),
                "states": {MessageState(state): count for state, count in row["states"].items()},
            }
        )
        for row in await connection.fetch(_WATCHED, limit, *after)
    ]


@dataclass(frozen=True, slots=True)
class CampaignCallback:
    """What becomes of a watched run: told now if there is `content`, watched on unless `done`."""

    run: WatchedRun
    content: dict[str, Any] | None
    counts: dict[str, int]
    done: bool


async def tell(connection: Connection, callbacks: Sequence[CampaignCallback]) -> None:
    """Queues what is to be told and notes it, in the transaction that read the runs."""
    if not callbacks:
        return
    await connection.execute(
        """
        WITH given AS (
            SELECT * FROM unnest(
                $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::webhook_strategy[], $6::jsonb[], $7::jsonb[],
                $8::boolean[]
            ) AS given (run_id, webhook_id, workspace_id, url, strategy, content, counts, done)
        ), noted AS (
            UPDATE run_callback
            SET told = CASE WHEN given.content IS NULL THEN run_callback.told ELSE given.counts END, done = given.done
            FROM given
            WHERE run_callback.run_id = given.run_id AND run_callback.webhook_id = given.webhook_id
              AND run_callback.kind = 'campaign'
        )
        INSERT INTO webhook_delivery (workspace_id, webhook_id, kind, subject, url, strategy, content)
        SELECT workspace_id, webhook_id, 'campaign', run_id, url, strategy, content FROM given
        WHERE content IS NOT NULL
        """,
        [each.run.run_id for each in callbacks],
        [each.run.webhook_id for each in callbacks],
        [each.run.workspace_id for each in callbacks],
        [each.run.url for each in callbacks],
        [each.run.strategy.value for each in callbacks],
        [each.content for each in callbacks],
        [each.counts for each in callbacks],
        [each.done for each in callbacks],
    )


async def watch_open_runs(connection: Connection, workspace_id: UUID, webhook_id: UUID) -> None:
    """Has a webhook that wants campaign callbacks hear of the runs that are under way, too."""
    await connection.execute(
        """
        INSERT INTO run_callback (run_id, webhook_id, kind, workspace_id, strategy, done)
        SELECT run.id, webhook.id, 'campaign', webhook.workspace_id, webhook.strategy, false
        FROM webhook JOIN run ON run.workspace_id = webhook.workspace_id
        WHERE webhook.workspace_id = $1 AND webhook.id = $2 AND 'campaign' = ANY (webhook.kinds)
          AND run.status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')
        ON CONFLICT (run_id, webhook_id, kind) DO UPDATE SET strategy = excluded.strategy
        """,
        workspace_id,
        webhook_id,
    )


async def stop_watching(connection: Connection, workspace_id: UUID, webhook_id: UUID) -> None:
    """For a webhook that wants no campaign callbacks any more."""
    await connection.execute(
        "DELETE FROM run_callback WHERE workspace_id = $1 AND webhook_id = $2 AND kind = $3 AND url IS NULL",
        workspace_id,
        webhook_id,
        WebhookKind.CAMPAIGN.value,
    )
