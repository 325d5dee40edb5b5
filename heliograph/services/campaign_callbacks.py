"""Callbacks of campaigns: asked for when a run is launched, told when the share of a status has moved by a step."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from heliograph.db.engine import Database
from heliograph.db.runs import CAMPAIGN_STATUS_OF
from heliograph.db.tables import Run, RunCallback
from heliograph.db.webhook_runs import CampaignCallback, WatchedRun, tell, watched_runs
from heliograph.db.webhooks import webhooks_in_use
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy, moved_a_step, shown
from heliograph.secrets import KeyRing
from heliograph.services.webhook_requests import check_url, webhook_of
from heliograph.settings import Settings

_AT_A_TIME: Final = 500


def check_callbacks(configured: Settings, settings: CampaignSettings) -> None:
    """`InvalidInput` naming the field and the rule that the address of a campaign's callback breaks."""
    for field, wanted in (("callback", settings.callback), ("campaign_callback", settings.campaign_callback)):
        if wanted is not None:
            check_url(configured, wanted.url, field=f"{field}.url")


async def ask_for_callbacks(session: AsyncSession, key_ring: KeyRing, run: Run, settings: CampaignSettings) -> None:
    """Notes, in the commit that launches a run, who wants to hear of it: the workspace's webhooks, its campaign."""
    of: dict[str, Any] = {"run_id": run.id, "workspace_id": run.workspace_id}
    for webhook in await webhooks_in_use(session, run.workspace_id):
        if WebhookKind.CAMPAIGN in webhook.kinds:
            session.add(RunCallback(**of, webhook_id=webhook.id, kind=WebhookKind.CAMPAIGN, strategy=webhook.strategy))
    for kind, wanted in (
        (WebhookKind.MESSAGE, settings.callback),
        (WebhookKind.CAMPAIGN, settings.campaign_callback),
    ):
        if wanted is not None:
            webhook = await webhook_of(session, key_ring, run.workspace_id, wanted.url)
            session.add(RunCallback(**of, webhook_id=webhook.id, kind=kind, url=wanted.url, strategy=wanted.strategy))


async def tell_campaigns(database: Database) -> int:
    """Looks at every watched run once and queues what is due; how many callbacks."""
    told, after = 0, (UUID(int=0), UUID(int=0))
    while True:
        async with database.transaction() as connection:
            found = await watched_runs(connection, after, _AT_A_TIME)
            decided = [each for run in found if (each := decide(run)).content is not None or each.done]
            await tell(connection, decided)
        told += sum(each.content is not None for each in decided)
        if len(found) < _AT_A_TIME:
            return told
        after = found[-1].run_id, found[-1].webhook_id


def decide(run: WatchedRun) -> CampaignCallback:
    """What becomes of a watched run as it stands. Every message is final once the run is closed."""
    counts = shown(run.states)
    if run.strategy is WebhookStrategy.ON_COMPLETION:
        due = run.closed
    else:
        due = run.frozen and moved_a_step(run.told, counts, run.recipients)
    return CampaignCallback(run, _content(run, counts) if due else None, counts, done=run.closed)


def _content(run: WatchedRun, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "trackingId": str(run.campaign_id),
        "name": run.name,
        "totalRecipients": run.recipients,
        "campaignStatus": CAMPAIGN_STATUS_OF[run.status].value,
        "messageStatuses": counts,
    }
