"""Routes: through which senders messages go that name none."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.dependencies import CurrentActor, TheServices
from api.problems import documented
from heliograph.domain.health import HealthState
from heliograph.domain.vocabulary import Category, Channel
from heliograph.services import routes
from heliograph.services.routes import RouteView, WantedRoute

router = APIRouter(prefix="/v1/routes", tags=["routes"], responses=documented(401, 403, 422))


class RouteAnswer(BaseModel):
    """A route, and how the connector that it leads through fares."""

    channel: Channel
    category: Category
    priority: int = Field(description="The lowest goes first; higher ones only while no connector of it is fit.")
    weight: int = Field(description="The share among routes of one priority.")
    sender_id: UUID
    sender: str = Field(examples=["+14155550100"])
    connector_id: UUID
    connector: str = Field(examples=["Twilio"])
    health: HealthState
    health_since: datetime | None
    health_reason: str = Field(examples=["31 of 40 calls failed and 0 were slow within a minute"])
    share: float = Field(description="Of its weight now: 0 while shut, 0.05, 0.25, 0.5 while it comes back, else 1.")


class RouteList(BaseModel):
    """By channel, category and priority."""

    items: list[RouteAnswer]


class NewRoute(BaseModel):
    """A way for messages."""

    sender_id: UUID
    priority: int = Field(default=1, description="From 1; the lowest goes first.")
    weight: int = Field(default=1, description="From 1; the share among routes of one priority.")


class NewRoutes(BaseModel):
    """All routes of a channel and category; empty: the default sender sends everything."""

    routes: list[NewRoute]


@router.get("", summary="The workspace's routes")
async def list_routes(services: TheServices, actor: CurrentActor) -> RouteList:
    """With the health of their connectors."""
    return RouteList(items=[_shown(view) for view in await routes.list_routes(services, actor)])


@router.put("/{channel}/{category}", summary="Set the routes of a channel and category")
async def replace_routes(
    services: TheServices, actor: CurrentActor, channel: Channel, category: Category, body: NewRoutes
) -> RouteList:
    """All at once. Campaigns and messages that name a sender keep it; the others go by these routes."""
    wanted = [WantedRoute(each.sender_id, each.priority, each.weight) for each in body.routes]
    found = await routes.replace_routes(services, actor, channel, category, wanted)
    return RouteList(items=[_shown(view) for view in found])


def _shown(view: RouteView) -> RouteAnswer:
    return RouteAnswer(
        channel=view.route.channel,
        category=view.route.category,
        priority=view.route.priority,
        weight=view.route.weight,
        sender_id=view.sender.id,
        sender=view.sender.address,
        connector_id=view.connector.id,
        connector=view.connector.name,
        health=view.health.state,
        health_since=view.health.since,
        health_reason=view.health.reason,
        share=view.share,
    )
