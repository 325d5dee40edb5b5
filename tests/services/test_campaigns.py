"""Campaigns as drafts: made, edited into versions, listed, archived, and seen by their workspace alone."""

from typing import Any

import pytest
import pytest_asyncio

from heliograph.db.pages import PageRequest
from heliograph.db.tables import Workspace
from heliograph.domain.campaigns import CampaignSettings
from heliograph.domain.vocabulary import CampaignStatus, Category, Role
from heliograph.errors import Conflict, Forbidden, InvalidInput, NotFound
from heliograph.ids import new_id
from heliograph.services import campaigns
from heliograph.services.context import Actor, Services
from tests.services.planning import Plan, another_workspace, plan_in


@pytest_asyncio.fixture
async def plan(services: Services, workspace: Workspace) -> Plan:
    """What campaigns can be made of."""
    return await plan_in(services, workspace)


async def test_a_draft_needs_no_more_than_a_name_and_is_audited(services: Services, plan: Plan) -> None:
    made = await campaigns.create_campaign(services, plan.actor, CampaignSettings(name="Later"))
    found = await campaigns.get_campaign(services, plan.actor, made.campaign.id)
    assert (found.campaign.status, found.settings, found.run) == (
        CampaignStatus.DRAFT,
        CampaignSettings(name="Later"),
        None,
    )
    assert await plan.audited() == [("campaign.create", {"name": "Later"})]


async def test_each_edit_is_a_version_and_the_earlier_ones_stay(services: Services, plan: Plan) -> None:
    made = await plan.draft()
    for changes in ({"name": "Summer"}, {"category": "transactional", "messages_per_second": 5}):
        edited = await campaigns.edit_campaign(services, plan.actor, made.campaign.id, changes)
    assert (edited.settings.name, edited.settings.category, edited.settings.template_id) == (
        "Summer",
        Category.TRANSACTIONAL,
        plan.template_id,
    )
    assert (edited.campaign.name, edited.campaign.category) == ("Summer", Category.TRANSACTIONAL)
    rows = await services.database.pool.fetch("SELECT number, document FROM campaign_version ORDER BY number")
    assert [(row["number"], row["document"]["name"]) for row in rows] == [(1, "Spring"), (2, "Summer"), (3, "Summer")]
    assert (await plan.audited())[-1] == (
        "campaign.edit",
        {"changed": ["category", "messages_per_second"], "version": 3},
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"nmae": "x"}, "nmae"),
        ({"schedule": "AT_FIXED_TIME"}, "schedule"),
        ({"messages_per_second": "fast"}, "messages_per_second"),
        ({"template_id": str(new_id())}, "template_id"),
        ({"template_version": 9}, "template_version"),
    ],
)
async def test_an_edit_that_breaks_a_rule_names_the_field_and_changes_nothing(
    services: Services, plan: Plan, changes: dict[str, Any], field: str
) -> None:
    made = await plan.draft()
    with pytest.raises(InvalidInput) as raised:
        await campaigns.edit_campaign(services, plan.actor, made.campaign.id, changes)
    assert [item.field for item in raised.value.errors] == [field]
    found = await campaigns.get_campaign(services, plan.actor, made.campaign.id)
    assert (found.campaign.current_version, found.settings) == (1, made.settings)


async def test_what_belongs_to_another_workspace_is_refused_all_at_once(services: Services, plan: Plan) -> None:
    other = await plan_in(services, await another_workspace(services))
    with pytest.raises(InvalidInput) as raised:
        await campaigns.create_campaign(services, plan.actor, other.settings())
    assert {(item.field, item.code) for item in raised.value.errors} == {
        (field, "not_found") for field in ("template_id", "audience_id", "sender_id")
    }
    assert await plan.audited() == []


async def test_another_workspaces_campaign_does_not_exist(services: Services, plan: Plan) -> None:
    made = await plan.draft()
    stranger = Actor((await another_workspace(services)).id, Role.OWNER, "stranger")
    for refused in (
        campaigns.get_campaign(services, stranger, made.campaign.id),
        campaigns.edit_campaign(services, stranger, made.campaign.id, {"name": "Mine"}),
        campaigns.archive_campaign(services, stranger, made.campaign.id),
    ):
        with pytest.raises(NotFound):
            await refused
    assert (await campaigns.list_campaigns(services, stranger, PageRequest())).items == []


@pytest.mark.parametrize("role", Role)
async def test_a_role_may_change_campaigns_or_only_look_at_them(services: Services, plan: Plan, role: Role) -> None:
    actor = Actor(plan.actor.workspace_id, role, "someone")
    may = role in {Role.OWNER, Role.ADMIN, Role.APPROVER, Role.MARKETER}
    made = await plan.draft()
    assert (await campaigns.get_campaign(services, actor, made.campaign.id)).settings == made.settings
    for change in (
        campaigns.create_campaign(services, actor, plan.settings()),
        campaigns.edit_campaign(services, actor, made.campaign.id, {"name": "Summer"}),
        campaigns.archive_campaign(services, actor, made.campaign.id),
    ):
        if may:
            await change
        else:
            with pytest.raises(Forbidden, match=r"campaigns\.manage"):
                await change


async def test_campaigns_are_listed_newest_first_page_by_page(services: Services, plan: Plan) -> None:
    made = [await plan.draft(name=f"Number {number}") for number in range(5)]
    first = await campaigns.list_campaigns(services, plan.actor, PageRequest(3))
    second = await campaigns.list_campaigns(services, plan.actor, PageRequest(3, first.next))
    listed = [item.campaign.id for page in (first, second) for item in page.items]
    assert listed == [item.campaign.id for item in reversed(made)]
    assert second.next is None


async def test_an_archived_campaign_can_neither_be_edited_nor_archived_again(services: Services, plan: Plan) -> None:
    made = await plan.draft()
    archived = await campaigns.archive_campaign(services, plan.actor, made.campaign.id)
    assert archived.campaign.status is CampaignStatus.ARCHIVED
    with pytest.raises(Conflict, match="cannot edit a campaign that is ARCHIVED: it must be DRAFT, REJECTED"):
        await campaigns.edit_campaign(services, plan.actor, made.campaign.id, {"name": "Summer"})
    with pytest.raises(Conflict):
        await campaigns.archive_campaign(services, plan.actor, made.campaign.id)
