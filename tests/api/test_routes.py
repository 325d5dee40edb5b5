"""Routes through the API."""

from typing import Any

from heliograph.db.tables import Connector
from tests.api.client import ApiClient
from tests.api.simulated_twilio import LONG_CODE, MESSAGING_SERVICE
from tests.api.test_senders import added

PATH = "/v1/routes/sms/promotional"


async def two_senders(admin: ApiClient, connector: Connector) -> list[str]:
    """A long code and a messaging service."""
    first = await added(admin, connector, address=LONG_CODE)
    second = await added(admin, connector, kind="messaging_service", address=MESSAGING_SERVICE)
    return [first["id"], second["id"]]


def wanted(*routes: dict[str, Any]) -> dict[str, Any]:
    """The body of a request."""
    return {"routes": list(routes)}


async def test_routes_are_set_together_and_show_health(admin: ApiClient, authenticated: Connector) -> None:
    first, second = await two_senders(admin, authenticated)
    answer = await admin.put(PATH, json=wanted({"sender_id": second, "priority": 2}, {"sender_id": first, "weight": 3}))
    assert answer.status == 200, answer.body
    items = answer.json()["items"]
    assert [(each["sender_id"], each["priority"], each["weight"]) for each in items] == [(first, 1, 3), (second, 2, 1)]
    assert {(each["health"], each["share"]) for each in items} == {("healthy", 1.0)}
    assert (await admin.get("/v1/routes")).json()["items"] == items


async def test_routes_replace_those_that_were_there(admin: ApiClient, authenticated: Connector) -> None:
    first, second = await two_senders(admin, authenticated)
    await admin.put(PATH, json=wanted({"sender_id": first}))
    await admin.put(PATH, json=wanted({"sender_id": second}))
    (only,) = (await admin.get("/v1/routes")).json()["items"]
    assert only["sender_id"] == second
    assert (await admin.put(PATH, json=wanted())).json()["items"] == []


async def test_what_breaks_a_rule_is_named_all_at_once_and_changes_nothing(
    admin: ApiClient, authenticated: Connector
) -> None:
    first, _ = await two_senders(admin, authenticated)
    await admin.put(PATH, json=wanted({"sender_id": first}))
    stranger = "00000000-0000-7000-8000-000000000000"
    refused = await admin.put(PATH, json=wanted({"sender_id": stranger}, {"sender_id": first, "weight": 0}))
    assert refused.status == 422
    assert [each["field"] for each in refused.json()["errors"]] == ["routes.0.sender_id", "routes.1.weight"]
    assert len((await admin.get("/v1/routes")).json()["items"]) == 1


async def test_a_sender_of_another_category_is_no_way(admin: ApiClient, authenticated: Connector) -> None:
    first, _ = await two_senders(admin, authenticated)
    refused = await admin.put("/v1/routes/sms/otp", json=wanted({"sender_id": first}))
    assert refused.json()["errors"][0]["code"] == "other_category"


async def test_a_marketer_sees_routes_and_cannot_change_them(marketer: ApiClient) -> None:
    assert (await marketer.get("/v1/routes")).status == 200
    assert (await marketer.put(PATH, json=wanted())).status == 403
