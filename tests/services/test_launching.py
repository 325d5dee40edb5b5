"""Launching: what a run pins, what it refuses, and the one commit after which it happens."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from heliograph.contracts import CampaignLaunch
from heliograph.db.tables import Run, Workspace
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.message_parts import Encoding
from heliograph.domain.vocabulary import CampaignStatus, Category, Role, RunStatus, Schedule
from heliograph.errors import Conflict, Forbidden, InvalidInput, NotFound
from heliograph.services.campaigns import CampaignView, create_campaign
from heliograph.services.context import Actor, Services
from heliograph.services.launching import estimate_campaign, launch_campaign
from heliograph.services.template_text import TemplateChanges, TemplateText
from heliograph.services.templates import archive_template, create_template, edit_template
from tests.services.planning import Plan, another_workspace, plan_in


@pytest_asyncio.fixture
async def plan(services: Services, workspace: Workspace) -> Plan:
    """What campaigns can be made of: twenty recipients, four of them twice."""
    return await plan_in(services, workspace, recipients=24, duplicates=4)


async def launched(plan: Plan, draft: CampaignView) -> Run:
    """The run of a launch."""
    run = (await launch_campaign(plan.services, plan.actor, draft.campaign.id)).run
    assert run is not None
    return run


async def broken(plan: Plan, draft: CampaignView) -> dict[str, str]:
    """Field and code of each rule that keeps a draft from being launched; nothing has changed by then."""
    with pytest.raises(InvalidInput) as raised:
        await launch_campaign(plan.services, plan.actor, draft.campaign.id)
    assert await plan.services.database.pool.fetchval("SELECT count(*) FROM run") == 0
    assert await plan.services.database.pool.fetchval("SELECT count(*) FROM outbox") == 0
    return {item.field: item.code for item in raised.value.errors}


# -- the estimate


async def test_an_estimate_counts_with_the_rules_of_the_freeze(services: Services, plan: Plan) -> None:
    await services.database.pool.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, reason, source)
        VALUES (uuidv7(), now(), $1, 'sms', '+14150000003', 'opt_out', 'test')
        """,
        plan.actor.workspace_id,
    )
    await services.database.pool.execute("UPDATE audience_row SET variables = '{}' WHERE number = 7")
    draft = await plan.draft(messages_per_second=2)
    found = await estimate_campaign(services, plan.actor, draft.campaign.id)
    assert (found.recipients.rows, found.recipients.duplicates, found.recipients.suppressed) == (24, 4, 1)
    assert (found.sampled, dict(found.rendered.refusals)) == (20, {"missing_variable": 1})
    assert (found.messages, found.parts) == (18, 18)
    assert dict(found.rendered.encodings) == {Encoding.GSM_7: 19}
    assert found.seconds == pytest.approx(19 * 0.95 / 2)
    assert (found.cost, found.notes) == (None, ["no cost: the connector has no prices (configuration.prices)"])
    for table in ("run", "message", "outbox"):
        assert await services.database.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_the_slowest_limit_and_the_prices_make_time_and_cost(services: Services, plan: Plan) -> None:
    await services.database.pool.execute("UPDATE sender SET messages_per_second = 0.5")
    await services.database.pool.execute(
        "UPDATE connector SET configuration = $1", {"prices": {"US": "0.0079", "default": 1}, "currency": "USD"}
    )
    body = "Hi {{ first_name }} " + "x" * 160
    long = await create_template(services, plan.actor, "Long", TemplateText(body))
    draft = await plan.draft(template_id=long.template.id, messages_per_second=10)
    found = await estimate_campaign(services, plan.actor, draft.campaign.id)
    assert (found.messages, found.parts) == (20, 40)
    assert (found.cost, found.currency) == (Decimal("0.32"), "USD")
    assert found.seconds == 80


# -- what a launch pins


async def test_a_launch_pins_version_template_sender_and_rows(services: Services, plan: Plan) -> None:
    draft = await plan.draft(expire_after_seconds=120, receipt_window_seconds=30, messages_per_second=7)
    run = await launched(plan, draft)
    later = TemplateChanges(body="Changed {{ first_name }}")
    await edit_template(services, plan.actor, plan.template_id, later)
    await services.database.pool.execute("UPDATE audience SET row_count = 99")
    row = await services.database.pool.fetchrow(
        """
        SELECT run.*, template_version.number AS template_number, campaign_version.number AS campaign_number,
            campaign.status AS campaign
        FROM run JOIN template_version ON template_version.id = template_version_id
        JOIN campaign_version ON campaign_version.id = campaign_version_id
        JOIN campaign ON campaign.id = run.campaign_id
        """
    )
    assert (row["template_number"], row["campaign_number"], row["source_rows"]) == (1, 1, 24)
    assert (row["sender_id"], row["connector_id"], row["sender_replaced"]) == (plan.sender_id, plan.connector_id, False)
    assert (row["status"], row["campaign"]) == (RunStatus.SCHEDULED, CampaignStatus.SCHEDULED)
    assert row["expires_at"] - row["start_at"] == timedelta(seconds=120)
    assert (row["receipt_window"], row["messages_per_second"], row["in_doubt_limit"]) == (30, 7, 1_000)
    assert (await plan.audited())[-1] == ("campaign.launch", {"run_id": str(run.id), "recipients": 24})


async def test_the_commit_of_a_launch_holds_the_row_that_starts_it(services: Services, plan: Plan) -> None:
    run = await launched(plan, await plan.draft())
    (row,) = await services.database.pool.fetch("SELECT topic, key, payload FROM outbox")
    launch = CampaignLaunch.model_validate(row["payload"])
    assert (row["topic"], row["key"]) == ("campaign.start", str(run.id))
    assert (launch.run_id, launch.campaign_id, launch.source_rows, launch.start_at) == (
        run.id,
        run.campaign_id,
        24,
        run.start_at,
    )


async def test_a_fixed_time_is_when_the_run_starts_and_from_when_it_expires(plan: Plan) -> None:
    at = datetime.now(UTC) + timedelta(days=2)
    run = await launched(plan, await plan.draft(schedule=Schedule.AT_FIXED_TIME, send_at=at, expire_after_seconds=60))
    assert (run.start_at, run.expires_at) == (at, at + timedelta(seconds=60))


async def test_a_deleted_sender_is_replaced_by_the_default_and_the_run_says_so(services: Services, plan: Plan) -> None:
    default = await plan.add_sender(is_default=True)
    draft = await plan.draft()
    await services.database.pool.execute("UPDATE sender SET deleted_at = now() WHERE id = $1", plan.sender_id)
    estimate = await estimate_campaign(services, plan.actor, draft.campaign.id)
    assert "the chosen sender was deleted: the default sender is used" in estimate.notes
    run = await launched(plan, draft)
    assert (run.sender_id, run.sender_replaced) == (default.id, True)


async def test_the_default_sender_that_nobody_chose_replaces_nothing(plan: Plan) -> None:
    default = await plan.add_sender(is_default=True)
    run = await launched(plan, await plan.draft(sender_id=None))
    assert (run.sender_id, run.sender_replaced) == (default.id, False)


# -- what is refused


async def test_everything_that_is_missing_is_named_at_once(services: Services, plan: Plan) -> None:
    draft = await create_campaign(services, plan.actor, CampaignSettings(name="Empty"))
    assert await broken(plan, draft) == dict.fromkeys(("template_id", "audience_id", "sender_id"), "required")


async def test_an_audience_without_rows_and_a_connector_without_credentials_are_named(
    services: Services, plan: Plan
) -> None:
    draft = await plan.draft()
    await services.database.pool.execute("UPDATE audience SET row_count = 0")
    await services.database.pool.execute("UPDATE connector SET sealed_credentials = NULL")
    assert await broken(plan, draft) == {"audience_id": "empty", "sender_id": "connector_not_authenticated"}


async def test_the_default_of_another_category_does_not_stand_in(plan: Plan) -> None:
    await plan.add_sender(is_default=True)
    draft = await plan.draft(sender_id=None, category=Category.TRANSACTIONAL)
    assert await broken(plan, draft) == {"sender_id": "required"}


async def test_a_time_that_has_passed_is_refused(plan: Plan) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    draft = await plan.draft(schedule=Schedule.AT_FIXED_TIME, send_at=past)
    assert await broken(plan, draft) == {"send_at": "past"}


async def test_a_template_that_was_archived_is_not_sent(services: Services, plan: Plan) -> None:
    draft = await plan.draft()
    await archive_template(services, plan.actor, plan.template_id)
    assert await broken(plan, draft) == {"template_id": "archived"}


async def test_of_launches_at_once_one_makes_the_run(services: Services, plan: Plan) -> None:
    draft = await plan.draft()
    results = await asyncio.gather(
        *(launch_campaign(services, plan.actor, draft.campaign.id) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["CampaignView", *["Conflict"] * 3]
    assert await services.database.pool.fetchval("SELECT count(*) FROM run") == 1
    assert await services.database.pool.fetchval("SELECT count(*) FROM outbox") == 1
    assert [action for action, _ in await plan.audited()] == ["campaign.create", "campaign.launch"]


async def test_a_campaign_that_was_launched_can_be_neither_launched_nor_estimated_as_a_draft(
    services: Services, plan: Plan
) -> None:
    draft = await plan.draft()
    await launched(plan, draft)
    with pytest.raises(Conflict, match="cannot launch a campaign that is SCHEDULED"):
        await launch_campaign(services, plan.actor, draft.campaign.id)


async def test_only_who_may_manage_campaigns_of_the_workspace_launches_them(services: Services, plan: Plan) -> None:
    draft = await plan.draft()
    for role in (Role.VIEWER, Role.DEVELOPER):
        with pytest.raises(Forbidden):
            await launch_campaign(services, Actor(plan.actor.workspace_id, role, "x"), draft.campaign.id)
    stranger = Actor((await another_workspace(services)).id, Role.OWNER, "stranger")
    with pytest.raises(NotFound):
        await launch_campaign(services, stranger, draft.campaign.id)
    with pytest.raises(NotFound):
        await estimate_campaign(services, stranger, draft.campaign.id)
