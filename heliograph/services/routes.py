"""Routes: how messages that name no sender find their way, by priority and weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from heliograph.db import routes
from heliograph.db.senders import find_sender, lock_senders
from heliograph.db.tables import Connector, Route, Sender
from heliograph.domain.health import Health, share_of
from heliograph.domain.vocabulary import Category, Channel
from heliograph.errors import FieldError, InvalidInput
from heliograph.services.context import Actor, Services, audit

_MOST_ROUTES: Final = 20
_LARGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class WantedRoute:
    """A route as it is asked for: the lowest priority goes first, weights share one priority."""

    sender_id: UUID
    priority: int = 1
    weight: int = 1


@dataclass(frozen=True, slots=True)
class RouteView:
    """A route with what it leads through and how that fares."""

    route: Route
    sender: Sender
    connector: Connector
    health: Health
    share: float  # of its weight, now: 0 while its connector is shut


async def list_routes(services: Services, actor: Actor) -> list[RouteView]:
    """The workspace's routes by channel, category and priority."""
    actor.require("read")
    async with services.database.unit_of_work() as session:
        found = await routes.list_routes(session, actor.workspace_id)
    now = datetime.now(UTC)
    views = []
    for route, sender, connector in found:
        health = await routes.read_health(services.database.pool, connector.id)
        views.append(RouteView(route, sender, connector, health, share_of(health, now)))
    return views


async def replace_routes(
    services: Services, actor: Actor, channel: Channel, category: Category, wanted: Sequence[WantedRoute]
) -> list[RouteView]:
    """Sets the routes of a channel and category, all at once; none: the default sender sends everything."""
    actor.require("settings.manage")
    if len(wanted) > _MOST_ROUTES:
        raise InvalidInput.of("routes", f"has at most {_MOST_ROUTES} entries", "size")
    async with services.database.unit_of_work() as session:
        await lock_senders(session, actor.workspace_id)
        broken: list[FieldError] = []
        for index, each in enumerate(wanted):
            sender = await find_sender(session, actor.workspace_id, each.sender_id)
            broken += _broken_rules(f"routes.{index}", each, sender, channel, category)
        if len({each.sender_id for each in wanted}) < len(wanted):
            broken.append(FieldError("routes", "names a sender twice", "repeated"))
        if broken:
            raise InvalidInput("; ".join(f"{each.field}: {each.rule}" for each in broken), errors=broken)
        await routes.clear_routes(session, actor.workspace_id, channel, category)
        session.add_all(
            Route(
                workspace_id=actor.workspace_id,
                channel=channel,
                category=category,
                sender_id=each.sender_id,
                priority=each.priority,
                weight=each.weight,
            )
            for each in wanted
        )
        described = [[str(each.sender_id), each.priority, each.weight] for each in wanted]
        detail = {"channel": channel.value, "category": category.value, "routes": described}
        audit(session, actor, "routes.replace", actor.workspace_id, detail)
    views = await list_routes(services, actor)
    return [view for view in views if (view.route.channel, view.route.category) == (channel, category)]


def _broken_rules(
    place: str, wanted: WantedRoute, sender: Sender | None, channel: Channel, category: Category
) -> list[FieldError]:
    broken = []
    if sender is None:
        broken.append(FieldError(f"{place}.sender_id", "is not a sender of this workspace", "sender_not_found"))
    elif (sender.channel, sender.category) != (channel, category):
        rule = f"sends {sender.channel.value} {sender.category.value}, not {channel.value} {category.value}"
        broken.append(FieldError(f"{place}.sender_id", rule, "other_category"))
    for name, value in (("priority", wanted.priority), ("weight", wanted.weight)):
        if not 1 <= value <= _LARGEST:
            broken.append(FieldError(f"{place}.{name}", f"is from 1 to {_LARGEST}", "range"))
    return broken
