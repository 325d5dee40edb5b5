"""Direct messages through the API, on a simulated Twilio."""

import pytest
import pytest_asyncio

from heliograph.db.engine import Database
from heliograph.db.tables import Connector, Workspace
from heliograph.simulator.script import AccountScript, Receipts, Script
from tests.api.client import ApiClient
from tests.api.simulated_twilio import GOOD, LONG_CODE, SimulatedTwilio

TO = "+447400123456"
WITHOUT_RECEIPTS = Script(receipts=Receipts(lost=1))


@pytest_asyncio.fixture
async def sender_id(admin: ApiClient, authenticated: Connector, twilio: SimulatedTwilio) -> str:
    """The workspace's one sender, the default for transactional messages; of what it sends no receipt comes."""
    twilio.follow(WITHOUT_RECEIPTS)
    body = {
        "connector_id": str(authenticated.id),
        "kind": "long_code",
        "address": LONG_CODE,
        "category": "transactional",
    }
    made = await admin.post("/v1/senders", json=body)
    assert made.status == 201, made.json()
    return str(made.json()["sender"]["id"])


def one(**fields: object) -> dict[str, object]:
    """A request with one message."""
    mode = fields.pop("mode", "sync")
    return {"messages": [{"to": TO, "body": "Your parcel is on its way.", **fields}], "mode": mode}


async def test_a_synchronous_message_is_answered_with_the_providers_verdict(
    developer: ApiClient, sender_id: str, twilio: SimulatedTwilio
) -> None:
    answer = await developer.post("/v1/messages", json=one())
    assert answer.status == 202, answer.json()
    (verdict,) = answer.json()["items"]
    assert verdict["state"] == "accepted"
    assert verdict["provider_message_id"].startswith("SM")
    assert verdict["provider_status"] == "queued"


async def test_a_message_has_its_whole_trace(developer: ApiClient, sender_id: str) -> None:
    (verdict,) = (await developer.post("/v1/messages", json=one(type="medication_request"))).json()["items"]
    trace = (await developer.get(f"/v1/messages/{verdict['id']}")).json()
    assert (trace["to"], trace["type"], trace["parts"], trace["state"]) == (TO, "medication_request", 1, "accepted")
    (only,) = trace["tries"]
    assert (only["attempt"], only["provider"], only["sender"], only["outcome"]) == (1, "twilio", LONG_CODE, "accepted")
    assert trace["receipts"] == []


async def test_a_repeated_request_with_its_key_sends_once(developer: ApiClient, sender_id: str) -> None:
    again = developer.having({"Idempotency-Key": "order-17"})
    first = (await again.post("/v1/messages", json=one())).json()["items"]
    second = (await again.post("/v1/messages", json=one())).json()["items"]
    assert first == second


async def test_an_asynchronous_message_is_queued_and_can_be_cancelled_once(
    developer: ApiClient, sender_id: str
) -> None:
    (queued,) = (await developer.post("/v1/messages", json=one(mode="async"))).json()["items"]
    assert queued["state"] == "queued"
    assert (await developer.post(f"/v1/messages/{queued['id']}/cancel")).status == 204
    assert (await developer.get(f"/v1/messages/{queued['id']}")).json()["state"] == "cancelled"
    assert (await developer.post(f"/v1/messages/{queued['id']}/cancel")).json()["code"] == "not_queued"


async def test_one_bad_address_refuses_the_whole_call(developer: ApiClient, sender_id: str, database: Database) -> None:
    body = {"messages": [{"to": TO, "body": "Hello"}, {"to": "0171 bad", "body": "Hello"}]}
    refused = await developer.post("/v1/messages", json=body)
    assert refused.status == 422
    assert refused.json()["errors"][0]["field"] == "messages.1.to"
    assert await database.pool.fetchval("SELECT count(*) FROM message") == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"body": "   "}, "messages.0.body"),
        ({"body": "nul \0"}, "messages.0.body"),
        ({"type": "x" * 65}, "messages.0.type"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "messages.0.expires_at"),
        ({"channel": "email", "to": "ann@example.com"}, None),
        ({"sender_id": "00000000-0000-7000-8000-000000000000"}, "messages.0.sender_id"),
        ({"send_at": "2030-01-01T00:00:00Z"}, "send_at"),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_name(
    developer: ApiClient, sender_id: str, fields: dict[str, object], field: str | None
) -> None:
    refused = await developer.post("/v1/messages", json=one(**fields))
    assert refused.status in {409, 422}
    if field is not None:
        assert refused.json()["errors"][0]["field"] == field


async def test_a_marketer_cannot_send_directly(marketer: ApiClient, sender_id: str) -> None:
    assert (await marketer.post("/v1/messages", json=one())).status == 403


async def test_without_a_sender_it_says_what_to_add(developer: ApiClient, workspace: Workspace) -> None:
    refused = await developer.post("/v1/messages", json=one())
    assert (refused.status, refused.json()["code"]) == (409, "no_sender")


async def test_a_message_of_another_workspace_is_not_found(developer: ApiClient) -> None:
    assert (await developer.get("/v1/messages/00000000-0000-7000-8000-000000000000")).status == 404


async def test_a_number_without_country_code_is_refused_with_what_helps(admin: ApiClient, sender_id: str) -> None:
    refused = await admin.post(f"/v1/senders/{sender_id}/test", json={"to": "07400 123456", "body": "Hello"})
    assert refused.status == 422
    assert "set the workspace's default region" in refused.json()["detail"]


# -- test messages from the settings page (A2.6)


@pytest.mark.parametrize("body", ["Plain", "Ünïcode ж 😀", "Special: {}[]~^|€ «»"])
@pytest.mark.parametrize("to", [TO, "07400 123456"])
async def test_a_test_message_shows_the_providers_status(
    admin: ApiClient, sender_id: str, workspace: Workspace, to: str, body: str, database: Database
) -> None:
    await database.pool.execute("UPDATE workspace SET default_region = 'GB'")
    trace = (await admin.post(f"/v1/senders/{sender_id}/test", json={"to": to, "body": body})).json()
    assert (trace["to"], trace["type"], trace["state"], trace["provider_status"]) == (TO, "test", "accepted", "queued")
    assert trace["body"] == body


async def test_a_trial_account_refuses_a_number_it_has_not_verified(
    admin: ApiClient, sender_id: str, twilio: SimulatedTwilio
) -> None:
    account = AccountScript(trial=True, verified=["+12015550999"])
    twilio.follow(WITHOUT_RECEIPTS.model_copy(update={"accounts": {GOOD["account_sid"]: account}}))
    refused = (await admin.post(f"/v1/senders/{sender_id}/test", json={"to": TO, "body": "Hello"})).json()
    (only,) = refused["tries"]
    assert only["error_code"] == "21608"
    assert "verif" in only["error_message"].lower()
    taken = (await admin.post(f"/v1/senders/{sender_id}/test", json={"to": "+12015550999", "body": "Hello"})).json()
    assert taken["state"] == "accepted"


async def test_only_who_may_change_settings_sends_test_messages(marketer: ApiClient, sender_id: str) -> None:
    refused = await marketer.post(f"/v1/senders/{sender_id}/test", json={"to": TO, "body": "Hello"})
    assert refused.status == 403
