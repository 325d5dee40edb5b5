"""Campaigns and their versions in SQL."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Pool
from heliograph.db.pages import Page, PageRequest, newest_first
from heliograph.db.tables import Campaign, CampaignVersion, Connector, Run, Sender, TemplateVersion
from heliograph.domain.vocabulary import Category, Channel


async def find_campaign(
    session: AsyncSession, workspace_id: UUID, campaign_id: UUID, *, lock: bool = False
) -> Campaign | None:
    """One campaign; `lock` holds it until the commit."""
    statement = select(Campaign).where(Campaign.id == campaign_id, Campaign.workspace_id == workspace_id)
    return (await session.exec(statement.with_for_update() if lock else statement)).one_or_none()


async def find_version(session: AsyncSession, campaign: Campaign) -> CampaignVersion:
    """The settings that hold now."""
    statement = select(CampaignVersion).where(
        CampaignVersion.campaign_id == campaign.id, CampaignVersion.number == campaign.current_version
    )
    return (await session.exec(statement)).one()


async def page_campaigns(session: AsyncSession, workspace_id: UUID, request: PageRequest[UUID]) -> Page[Campaign, UUID]:
    """Campaigns, newest first."""
    statement = select(Campaign).where(Campaign.workspace_id == workspace_id)
    return await newest_first(session, statement, col(Campaign.id), request, lambda campaign: campaign.id)


async def latest_run(session: AsyncSession, campaign_id: UUID) -> Run | None:
    """The campaign's newest run."""
    statement = select(Run).where(Run.campaign_id == campaign_id).order_by(col(Run.id).desc()).limit(1)
    return (await session.exec(statement)).first()


async def find_template_version(
    session: AsyncSession, workspace_id: UUID, template_id: UUID, number: int | None
) -> TemplateVersion | None:
    """A version of a template; the latest without a number."""
    statement = select(TemplateVersion).where(
        TemplateVersion.workspace_id == workspace_id, TemplateVersion.template_id == template_id
    )
    if number is not None:
        statement = statement.where(TemplateVersion.number == number)
    return (await session.exec(statement.order_by(col(TemplateVersion.number).desc()).limit(1))).first()


@dataclass(frozen=True)
class SendingSender:
    """The sender a campaign would use, with its connector."""

    sender: Sender
    connector: Connector
    replaced: bool  # the one that was chosen is gone: this is the default


async def find_sender(
    session: AsyncSession, workspace_id: UUID, sender_id: UUID | None, channel: Channel, category: Category
) -> SendingSender | None:
    """The chosen sender, else the default one of channel and category; None when there is neither."""
    statement = (
        select(Sender, Connector)
        .join(Connector, col(Connector.id) == col(Sender.connector_id))
        .where(
            Sender.workspace_id == workspace_id, col(Sender.deleted_at).is_(None), col(Connector.deleted_at).is_(None)
        )
    )
    if sender_id is not None:
        chosen = (await session.exec(statement.where(Sender.id == sender_id))).first()
        if chosen is not None:
            return SendingSender(*chosen, replaced=False)
    default = (
        await session.exec(
            statement.where(Sender.channel == channel, Sender.category == category, col(Sender.is_default))
        )
    ).first()
    return None if default is None else SendingSender(*default, replaced=sender_id is not None)


async def sender_exists(session: AsyncSession, workspace_id: UUID, sender_id: UUID) -> bool:
    """Whether the workspace has, or had, this sender."""
    statement = select(Sender.id).where(Sender.workspace_id == workspace_id, Sender.id == sender_id)
    return (await session.exec(statement)).first() is not None


@dataclass(frozen=True, slots=True)
class Recipients:
    """What a freeze would find now."""

    rows: int
    duplicates: int
    suppressed: int
    regions: dict[str, int]  # of those who would get a message: ISO 3166-1 alpha-2 ('' unknown) → recipients

    @property
    def sendable(self) -> int:
        """Who would get a message."""
        return self.rows - self.duplicates - self.suppressed


async def count_recipients(
    pool: Pool, workspace_id: UUID, audience_id: UUID, rows: int, channel: Channel, sender_id: UUID | None
) -> Recipients:
    """Counts with the rules of the freeze (`heliograph/db/freeze.py`), without writing. One read of the audience."""
    found = await pool.fetch(
        """
        SELECT coalesce(region, '') AS region,
            count(*) AS rows,
            count(*) FILTER (WHERE duplicate_of IS NOT NULL) AS duplicates,
            count(*) FILTER (WHERE duplicate_of IS NULL AND EXISTS (
                SELECT FROM suppression
                WHERE suppression.workspace_id = $1 AND suppression.channel = $4::text::channel
                  AND suppression.address = recipient.address
                  AND (suppression.sender_id IS NULL OR suppression.sender_id = $5)
            )) AS suppressed
        FROM audience_row AS recipient
        WHERE audience_id = $2 AND number <= $3
        GROUP BY 1
        """,
        workspace_id,
        audience_id,
        rows,
        channel.value,
        sender_id,
    )
    return Recipients(
        rows=sum(row["rows"] for row in found),
        duplicates=sum(row["duplicates"] for row in found),
        suppressed=sum(row["suppressed"] for row in found),
        regions={
            row["region"]: sendable
            for row in found
            if (sendable := row["rows"] - row["duplicates"] - row["suppressed"])
        },
    )


async def sample_variables(pool: Pool, audience_id: UUID, rows: int, size: int) -> list[dict[str, Any]]:
    """Variables of up to `size` recipients spread evenly over the audience; all of a small one."""
    step = max(1, rows // size)
    found = await pool.fetch(
        """
        SELECT recipient.variables
        FROM generate_series(1::bigint, $2::bigint, $3::bigint) AS wanted (number)
        JOIN audience_row AS recipient ON recipient.audience_id = $1 AND recipient.number = wanted.number
        WHERE recipient.duplicate_of IS NULL
        """,
        audience_id,
        rows,
        step,
    )
    return [row["variables"] for row in found]


def price_of(configuration: dict[str, Any], region: str) -> Decimal | None:
    """The connector's price of one part to a region, where the workspace has told it; none is invented."""
    prices = configuration.get("prices") or {}
    price = prices.get(region, prices.get("default"))
    return None if price is None else Decimal(str(price))
