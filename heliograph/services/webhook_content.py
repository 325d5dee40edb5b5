"""The bodies of callbacks. docs/webhooks.md tells field by field where each comes from."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from heliograph.db.campaigns import price_of
from heliograph.db.engine import Pool
from heliograph.db.webhook_content import Route, ToldMessage, read_messages, read_routes
from heliograph.db.webhook_queue import Delivery
from heliograph.domain.phone_numbers import PhoneNumber, normalise_number
from heliograph.domain.vocabulary import Channel
from heliograph.domain.webhooks import WebhookKind

DIRECTION: Final = "outbound"


async def bodies(pool: Pool, deliveries: Sequence[Delivery], own_url: str) -> dict[UUID, bytes]:
    """The body of each delivery, the same at every try. A message that the ledger no longer has is left out."""
    told = [each for each in deliveries if each.kind is WebhookKind.MESSAGE]
    messages = await read_messages(pool, [(each.workspace_id, each.subject) for each in told]) if told else {}
    routes = await read_routes(pool, sorted({_route(each) for each in told}, key=str)) if told else {}
    made: dict[UUID, bytes] = {}
    for each in deliveries:
        if each.kind is WebhookKind.CAMPAIGN:
            made[each.id] = orjson.dumps(campaign_body(each, each.url or own_url))
        elif (message := messages.get(each.subject)) is not None:
            made[each.id] = orjson.dumps(message_body(each.content, message, routes[_route(each)]))
    return made


def campaign_body(delivery: Delivery, url: str) -> dict[str, Any]:
    """The counts were taken when the callback was queued."""
    return {**delivery.content, "callbackInfo": {"url": url, "strategy": delivery.strategy.value}}


def message_body(change: Mapping[str, Any], message: ToldMessage, route: Route) -> dict[str, Any]:
    """`change` is what the ledger noted in the commit of the change (`db.webhook_feed`)."""
    country = _country(message)
    parts = change["parts"]
    changed_at, accepted_at = _instant(change["changed_at"]), change["accepted_at"]
    return {
        "messageId": str(message.id),
        "smsId": change["provider_message_id"],
        "campaignTrackingId": None if message.campaign_id is None else str(message.campaign_id),
        "part": 1 if parts == 1 else None,
        "parts": parts,
        "label": message.type,
        "to": message.address,
        "from": route.sender,
        "country": country,
        "operator": None,
        "groups": [] if message.audience is None else [message.audience],
        "campaignName": message.campaign_name,
        "status": {
            "name": change["state"],
            "reason": {
                "detailedStatus": change["error_code"] or change["reason"] or change["provider_status"],
                "description": change["error_message"],
            },
            "updatedDate": changed_at.isoformat(),
        },
        "message": message.body,
        "applicationName": message.workspace,
        "latency": _latency(accepted_at, changed_at),
        "price": _price(route, country, parts) if accepted_at is not None else None,
        "direction": DIRECTION,
        "originatingService": "direct" if message.run_id is None else "campaign",
    }


def _country(message: ToldMessage) -> str | None:
    number = normalise_number(message.address, None) if message.channel == Channel.SMS else None
    return number.region if isinstance(number, PhoneNumber) else None


def _instant(text: str) -> datetime:
    """What PostgreSQL wrote into JSON, whatever the time zone of its session."""
    return datetime.fromisoformat(text).astimezone(UTC)


def _latency(accepted_at: str | None, changed_at: datetime) -> float | None:
    """Seconds from the provider's acceptance to the change; a provider's clock may stand before ours."""
    if accepted_at is None:
        return None
    return round(max(0.0, (changed_at - _instant(accepted_at)).total_seconds()), 3)


def _price(route: Route, country: str | None, parts: int | None) -> float | None:
    """By the connector's price list; None without one."""
    price = price_of(route.configuration, country or "default")
    return None if price is None or parts is None else float(price * Decimal(parts))


def _route(delivery: Delivery) -> tuple[UUID | None, UUID | None]:
    return _uuid(delivery.content["sender_id"]), _uuid(delivery.content["connector_id"])


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
