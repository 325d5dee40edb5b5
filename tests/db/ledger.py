"""A workspace with a run of n recipients, as a launch leaves it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from heliograph.db.engine import Database
from heliograph.db.freeze import freeze_chunk
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
from heliograph.db.tables.base import now
from heliograph.domain.vocabulary import (
    CampaignStatus,
    Category,
    Channel,
    DeliveryType,
    MissingVariable,
    RunStatus,
    WorkspaceMode,
)


@dataclass(frozen=True)
class Seeded:
    """The ids a test asks for."""

    workspace_id: UUID
    run_id: UUID
    campaign_id: UUID
    audience_id: UUID
    connector_id: UUID
    sender_id: UUID


async def seed_run(
    database: Database,
    recipients: int,
    *,
    body: str = "Hello",
    status: RunStatus = RunStatus.ACTIVE,
    category: Category = Category.PROMOTIONAL,
    duplicates: int = 0,
    in_doubt_limit: int = 1_000,
    expires_in: timedelta = timedelta(hours=1),
    freeze: bool = True,
) -> Seeded:
    """Makes everything a run points at. The last `duplicates` rows repeat the first ones' addresses."""
    workspace = Workspace(name="Main", mode=WorkspaceMode.TEST)
    of: dict[str, Any] = {"workspace_id": workspace.id}
    connector = Connector(**of, provider="twilio", name="Twilio", channel=Channel.SMS, callback_token=str(workspace.id))
    sender = Sender(
        **of,
        connector_id=connector.id,
        kind="long_code",
        address="+14155550100",
        channel=Channel.SMS,
        category=category,
    )
    template = Template(**of, name="Greeting", channel=Channel.SMS, latest_version=1)
    version = TemplateVersion(
        **of, template_id=template.id, number=1, body=body, missing_variable=MissingVariable.REFUSE
    )
    audience = Audience(**of, name="Everybody", row_count=recipients)
    campaign = Campaign(
        **of,
        name="Spring",
        status=CampaignStatus(status.value),
        delivery_type=DeliveryType.ONE_TIME,
        channel=Channel.SMS,
        category=category,
    )
    settings = CampaignVersion(**of, campaign_id=campaign.id, number=1, schema_version=1, document={"name": "Spring"})
    run = Run(
        **of,
        campaign_id=campaign.id,
        campaign_version_id=settings.id,
        template_version_id=version.id,
        audience_id=audience.id,
        sender_id=sender.id,
        connector_id=connector.id,
        channel=Channel.SMS,
        category=category,
        status=status,
        start_at=now() - timedelta(seconds=1),
        expires_at=now() + expires_in,
        receipt_window=60,
        in_doubt_limit=in_doubt_limit,
        source_rows=recipients,
    )
    async with database.unit_of_work() as session:
        for rows in ([workspace], [connector, template, audience, campaign], [sender, version, settings], [run]):
            session.add_all(rows)
            await session.flush()
    unique = recipients - duplicates
    await database.pool.execute(
        """
        INSERT INTO audience_row (audience_id, number, workspace_id, address, region, duplicate_of, variables)
        SELECT $1, n, $2, '+1415' || lpad(((n - 1) % $4 + 1)::text, 7, '0'), 'US', CASE WHEN n > $4 THEN n - $4 END,
            jsonb_build_object('first_name', 'Name ' || n)
        FROM generate_series(1::bigint, $3::bigint) AS n
        """,
        audience.id,
        workspace.id,
        recipients,
        unique,
    )
    if freeze:
        while not (await freeze_chunk(database, run.id)).done:
            pass
    return Seeded(workspace.id, run.id, campaign.id, audience.id, connector.id, sender.id)
