"""A workspace with a run whose messages stand in the ledger already: for benchmarks and tests of what comes after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from heliograph.db.engine import Connection, Database
from heliograph.db.tables import (
    Audience,
    Campaign,
    CampaignVersion,
    Connector,
    Run,
    Sender,
    Template,
    TemplateVersion,
    Workspace,
)
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import (
    CampaignStatus,
    Category,
    Channel,
    DeliveryType,
    MissingVariable,
    RunStatus,
    WorkspaceMode,
)
from heliograph.ids import new_id
from heliograph.secrets import KeyRing
from heliograph.services.connections import sealing_context

ACCOUNT_SID = "AC" + "5" * 32
AUTH_TOKEN = "a token for tests and benchmarks alone"


@dataclass(frozen=True)
class SeededRun:
    """What callbacks, polls and assertions need of the run."""

    workspace_id: UUID
    connector_id: UUID
    callback_token: str
    sender_id: UUID
    campaign_id: UUID
    audience_id: UUID
    run_id: UUID


def provider_id(number: int) -> str:
    """The provider's id of the message with this number, in Twilio's form."""
    return f"SM{number:032x}"


async def seed_run(
    database: Database,
    *,
    key_ring: KeyRing | None = None,
    category: Category = Category.PROMOTIONAL,
    body: str = "Hello",
    status: RunStatus = RunStatus.ACTIVE,
    source_rows: int = 0,
    frozen: bool = True,
    in_doubt_limit: int = 1_000,
    expires_in: timedelta = timedelta(days=1),
) -> SeededRun:
    """A run without messages, on a Twilio connector (authenticated, when `key_ring` is given)."""
    workspace, connector_id, token = new_id(), new_id(), uuid4().hex
    sealed = None
    if key_ring is not None:
        plain = f'{{"account_sid":"{ACCOUNT_SID}","auth_token":"{AUTH_TOKEN}"}}'.encode()
        sealed = key_ring.seal(plain, context=sealing_context(connector_id))
    connector = Connector(
        id=connector_id,
        workspace_id=workspace,
        provider="twilio",
        name="Twilio",
        channel=Channel.SMS,
        sealed_credentials=sealed,
        callback_token=token,
    )
    sender = Sender(
        workspace_id=workspace,
        connector_id=connector_id,
        kind="long_code",
        address="+14155550100",
        channel=Channel.SMS,
        category=category,
    )
    template = Template(workspace_id=workspace, name="Greeting", channel=Channel.SMS, latest_version=1)
    template_version = TemplateVersion(
        workspace_id=workspace,
        template_id=template.id,
        number=1,
        body=body,
        missing_variable=MissingVariable.REFUSE,
    )
    audience = Audience(workspace_id=workspace, name="Everybody", row_count=source_rows)
    campaign = Campaign(
        workspace_id=workspace,
        name="Spring",
        status=CampaignStatus(status.value),
        delivery_type=DeliveryType.ONE_TIME,
        channel=Channel.SMS,
        category=category,
    )
    version = CampaignVersion(
        workspace_id=workspace, campaign_id=campaign.id, number=1, schema_version=1, document={"name": "Spring"}
    )
    now = datetime.now(UTC)
    run = Run(
        workspace_id=workspace,
        campaign_id=campaign.id,
        campaign_version_id=version.id,
        template_version_id=template_version.id,
        audience_id=audience.id,
        sender_id=sender.id,
        connector_id=connector_id,
        channel=Channel.SMS,
        category=category,
        status=status,
        start_at=now - timedelta(seconds=1),
        expires_at=now + expires_in,
        receipt_window=3600,
        in_doubt_limit=in_doubt_limit,
        source_rows=source_rows,
        frozen_at=now if frozen else None,
    )
    async with database.unit_of_work() as session:
        for row in (
            Workspace(id=workspace, name="Main", mode=WorkspaceMode.TEST),
            connector,
            sender,
            template,
            template_version,
            audience,
            campaign,
            version,
            run,
        ):
            session.add(row)
            await session.flush()
    return SeededRun(workspace, connector_id, token, sender.id, campaign.id, audience.id, run.id)


async def seed_messages(
    connection: Connection,
    run: SeededRun,
    count: int,
    state: MessageState = MessageState.ACCEPTED,
    *,
    first: int = 1,
    attempt: int = 1,
    parts: int = 1,
    error_code: str | None = None,
    age: timedelta = timedelta(0),
) -> Sequence[UUID]:
    """Messages numbered from `first` in `state`, with their counters; their ids in order.

    Accepted ones have the provider's id of their number; `age` says how long ago they were claimed.
    """
    rows = await connection.fetch(
        """
        INSERT INTO message (
            workspace_id, dedupe_key, run_id, wave, number, channel, category, address, state, due_at, attempt,
            connector_id, sender_id, claimed_at, lease_until, provider_message_id, error_class, error_code,
            body, parts, accepted_at, status_changed_at, created_at
        )
        SELECT run.workspace_id, run.id || ':' || number, run.id, 1, number, run.channel, run.category,
            '+1415' || lpad(number::text, 7, '0'), $4::text::message_state, now(), $5::int,
            run.connector_id, run.sender_id, CASE WHEN $5::int > 0 THEN now() - $8::interval END,
            CASE WHEN $4::text = 'claimed' THEN now() + interval '1 min' END,
            CASE WHEN $4::text = 'accepted' THEN 'SM' || lpad(to_hex(number), 32, '0') END,
            CASE WHEN $7::text IS NOT NULL THEN 'unknown_outcome'::error_class END, $7::text,
            'Hello', $6::int, CASE WHEN $4::text = 'accepted' THEN now() - $8::interval END, now() - $8::interval, now()
        FROM run, generate_series($2::bigint, $2::bigint + $3::bigint - 1) AS number
        WHERE run.id = $1 ORDER BY number
        RETURNING id
        """,
        run.run_id,
        first,
        count,
        state.value,
        attempt,
        parts,
        error_code,
        age,
    )
    await connection.execute(
        """
        INSERT INTO run_counter AS counter (run_id, shard, state, code, workspace_id, count, parts)
        VALUES ($1, 0, $2::text::message_state, $3, $4, $5::bigint,
            CASE WHEN $2::text IN ('queued', 'expired', 'cancelled') THEN 0 ELSE $6::bigint END)
        ON CONFLICT (run_id, shard, state, code)
        DO UPDATE SET count = counter.count + excluded.count, parts = counter.parts + excluded.parts
        """,
        run.run_id,
        state.value,
        error_code or "",
        run.workspace_id,
        count,
        count * parts,
    )
    await connection.execute("UPDATE run SET source_rows = source_rows + $2 WHERE id = $1", run.run_id, count)
    return [row["id"] for row in rows]
