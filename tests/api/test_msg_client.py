"""The SMS connector API (E1–E3), called as its callers call it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr

from api.app import create_app
from heliograph.db.msg_client import Way, find_way
from heliograph.db.tables import Connector, Workspace
from heliograph.services.context import Services
from heliograph.simulator.script import Receipts, Script
from tests.api.client import Answer, ApiClient, running
from tests.api.simulated_twilio import LONG_CODE, SimulatedTwilio

TO = "+14155550123"
OTHER_CODE = "+12015550199"
MESSAGE = {"To": TO, "Body": "Your parcel is on its way.", "channel": "smpp"}
SECRET = {"Authorization": "Bearer of the billing program"}


def opened(services: Services, **settings: Any) -> ApiClient:
    """The application with this API configured; not started."""
    changed = services.settings.model_copy(update=settings)
    return ApiClient(create_app(replace(services, settings=changed)), {})


@pytest_asyncio.fixture
async def caller(services: Services, workspace: Workspace) -> AsyncIterator[ApiClient]:
    """A program with a secret."""
    secrets = SecretStr("crm:another, billing:of-the-billing-program")
    broker = SecretStr("stomp://user:password@127.0.0.1:1")
    client = opened(
        services,
        msg_client_workspace=workspace.name,
        msg_client_secrets=secrets,
        delivery_report_broker=broker,
    )
    async with running(client.app):
        yield client.having({"Authorization": "Bearer of-the-billing-program"})


async def add_sender(admin: ApiClient, connector_id: UUID, address: str, category: str) -> str:
    body = {"connector_id": str(connector_id), "kind": "long_code", "address": address, "category": category}
    made = await admin.post("/v1/senders", json=body)
    assert made.status == 201, made.json()
    return str(made.json()["sender"]["id"])


@pytest_asyncio.fixture
async def sender_id(admin: ApiClient, authenticated: Connector, twilio: SimulatedTwilio) -> str:
    """The default sender of transactional messages."""
    twilio.follow(Script(receipts=Receipts(lost=1)))
    return await add_sender(admin, authenticated.id, LONG_CODE, "transactional")


async def send(caller: ApiClient, **changes: Any) -> Answer:
    return await caller.post("/msg-client/send", json={**MESSAGE, **changes})


async def queued(services: Services, answer: Answer) -> Mapping[str, Any]:
    assert (answer.status, answer.body) == (200, b""), answer.body
    row = await services.database.pool.fetchrow(
        """
        SELECT message.*, message.state::text, message.category::text,
            (SELECT channel_type FROM delivery_report WHERE message_id = message.id) AS channel_type
        FROM message WHERE id = $1
        """,
        UUID(answer.headers["message-sid"]),
    )
    found: Mapping[str, Any] = row
    return found


async def test_a_message_is_queued_and_its_id_stands_in_the_header(
    caller: ApiClient, services: Services, sender_id: str
) -> None:
    message = await queued(services, await send(caller))
    assert (message["address"], message["body"], message["type"]) == (TO, MESSAGE["Body"], "text")
    assert (message["state"], message["category"], str(message["sender_id"])) == ("queued", "transactional", sender_id)
    assert message["channel_type"] == "smpp"  # its end will be told to the broker


async def test_from_names_a_sender_of_the_workspace(
    caller: ApiClient, admin: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    other = await add_sender(admin, authenticated.id, OTHER_CODE, "promotional")
    for written in (OTHER_CODE, OTHER_CODE.removeprefix("+"), "+1 201-555-0199"):
        message = await queued(services, await send(caller, From=written))
        assert str(message["sender_id"]) == other
    refused = await send(caller, From="+12015550198")
    assert (refused.status, refused.json()) == (400, {"error": "From: is the address of a sender of the workspace"})


async def test_without_from_a_sender_on_an_smpp_connector_is_preferred(
    services: Services, authenticated: Connector, sender_id: str
) -> None:
    smpp = uuid4()
    connector_id = await services.database.pool.fetchval(
        """
        WITH bind AS (
            INSERT INTO connector (
                id, created_at, workspace_id, provider, name, channel, configuration, sealed_credentials,
                callback_token, updated_at
            )
            SELECT uuidv7(), now(), workspace_id, 'smpp', 'SMSC', channel, '{}', sealed_credentials, 'a token', now()
            FROM connector WHERE id = $1 RETURNING id, workspace_id
        )
        INSERT INTO sender (
            id, created_at, workspace_id, connector_id, kind, address, name, channel, category, is_default, updated_at
        )
        SELECT $2, now(), workspace_id, id, 'alphanumeric', 'Shop', '', 'sms', 'promotional', false, now() FROM bind
        RETURNING connector_id
        """,
        authenticated.id,
        smpp,
    )
    assert await find_way(services.database.pool, authenticated.workspace_id) == Way(smpp, connector_id, "smpp")


async def test_the_same_key_queues_one_message(caller: ApiClient, services: Services, sender_id: str) -> None:
    keyed = caller.having({"Idempotency-Key": "order-17"})
    first, second = await send(keyed), await send(keyed)
    assert first.headers["message-sid"] == second.headers["message-sid"]
    assert await services.database.pool.fetchval("SELECT count(*) FROM message") == 1
    assert (await send(caller.having({"Idempotency-Key": "a b"}))).status == 400


@pytest.mark.parametrize("name", ["To", "Body", "channel"])
@pytest.mark.parametrize("value", [None, "", "  "])
async def test_a_missing_parameter_is_named(caller: ApiClient, sender_id: str, name: str, value: str | None) -> None:
    body = {**MESSAGE, name: value}
    if value is None:
        del body[name]
    answer = await caller.post("/msg-client/send", json=body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"error": f"{name}: is {'missing' if value is None else 'empty'}"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"To": "nobody"}, "To: "),
        ({"To": 14155550123}, "To: is a text"),
        ({"To": [TO]}, "To: is a text"),
        ({"To": "\0"}, "To: has no NUL"),
        ({"Body": "a\0b"}, "Body: has no NUL"),
        ({"Body": "x" * 100_001}, "Body: has at most"),
        ({"channel": "pigeon"}, "channel: is 'smpp'"),
    ],
)
async def test_a_wrong_parameter_is_named_with_its_rule(
    caller: ApiClient, sender_id: str, changes: dict[str, Any], error: str
) -> None:
    answer = await send(caller, **changes)
    assert answer.status == 400
    assert answer.json()["error"].startswith(error)


@pytest.mark.parametrize("body", [b"", b"To=1", b"[]", b"null", b'"x"', b"\xff", b"{"])
async def test_what_is_no_json_object_is_a_400(caller: ApiClient, body: bytes) -> None:
    answer = await caller.post("/msg-client/send", body=body)
    assert (answer.status, list(answer.json())) == (400, ["error"])


async def test_another_address_or_method_is_a_404(caller: ApiClient) -> None:
    for method, path in (
        ("POST", "/msg-client/sendd"),
        ("POST", "/msg-client/send/"),
        ("GET", "/msg-client/send"),
        ("POST", "/msg-client/"),
        ("DELETE", "/msg-client/receive"),
    ):
        answer = await caller.call(method, path)
        assert (answer.status, list(answer.json())) == (404, ["error"]), path


async def test_a_workspace_that_cannot_send_is_our_fault(caller: ApiClient) -> None:
    answer = await send(caller)
    assert answer.status == 500
    assert "no default sender" in answer.json()["error"]


async def test_a_database_that_is_away_is_our_fault(caller: ApiClient, services: Services, sender_id: str) -> None:
    await services.database.pool.close()
    assert (await send(caller)).status == 500


# -- who is let in


async def test_unless_it_is_configured_the_api_is_not_there(client: ApiClient, services: Services) -> None:
    assert (await send(client)).status == 404
    for settings in ({"msg_client_workspace": "Main"}, {"msg_client_secrets": SecretStr("a:b")}):
        half = opened(services, **settings)
        assert (await send(half)).status == 404


async def test_nobody_else_is_let_in(caller: ApiClient, sender_id: str) -> None:
    for header in ("Bearer wrong", "of-the-billing-program", "Bearer ", "Bearer crm", "Bearer billing", ""):
        answer = await send(caller.having({"Authorization": header}))
        assert (answer.status, list(answer.json())) == (403, ["error"]), header
    for path in ("receive", "delivery-notification"):
        assert (await caller.having({"Authorization": ""}).post(f"/msg-client/{path}", form={})).status == 403


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::7", 200),
        ("11.1.2.3", 403),
        ("2001:db9::7", 403),
        ("unix", 403),
    ],
)
async def test_listed_addresses_need_no_secret(
    services: Services, workspace: Workspace, sender_id: str, address: str, status: int
) -> None:
    networks = (
        type(services.settings)
        .model_validate({"msg_client_addresses": ["10.0.0.0/8", "2001:db8::/32"]})
        .msg_client_addresses
    )
    client = opened(services, msg_client_workspace=str(workspace.id), msg_client_addresses=networks)
    assert (await send(replace(client, address=address))).status == status


async def test_a_workspace_that_is_not_there_is_our_fault(services: Services) -> None:
    client = opened(services, msg_client_workspace="Nowhere", msg_client_secrets=SecretStr("a:b"))
    answer = await send(client.having({"Authorization": "Bearer b"}))
    assert answer.status == 500
    assert "HELIOGRAPH_MSG_CLIENT_WORKSPACE" in answer.json()["error"]


async def test_secrets_that_cannot_be_read_let_nobody_in(services: Services, workspace: Workspace) -> None:
    client = opened(services, msg_client_workspace="Main", msg_client_secrets=SecretStr("no name here"))
    answer = await send(client.having({"Authorization": "Bearer no"}))
    assert answer.status == 500
    assert "no name here" not in answer.json()["error"]


# -- messages from people

INBOUND = {"Body": "Where is my parcel?", "From": TO, "SmsSid": "77", "To": LONG_CODE}


async def test_a_message_from_a_person_is_stored_once(caller: ApiClient, viewer: ApiClient, sender_id: str) -> None:
    for _ in range(2):
        answer = await caller.post("/msg-client/receive", form=INBOUND)
        assert (answer.status, answer.body) == (200, b"")
    (only,) = (await viewer.get("/v1/inbound-messages")).json()["items"]
    assert (only["address"], only["body"], only["sender_id"]) == (TO, INBOUND["Body"], sender_id)
    assert only["provider_message_id"] == "77"


async def test_a_stop_over_this_api_suppresses(caller: ApiClient, viewer: ApiClient, sender_id: str) -> None:
    await caller.post("/msg-client/receive", form={**INBOUND, "Body": "stop", "To": "somebody else"})
    (only,) = (await viewer.get("/v1/suppressions")).json()["items"]
    assert (only["address"], only["reason"]) == (TO, "opt_out")


@pytest.mark.parametrize("name", ["Body", "From", "SmsSid", "To"])
async def test_a_missing_field_is_named(caller: ApiClient, authenticated: Connector, name: str) -> None:
    form = {key: value for key, value in INBOUND.items() if key != name}
    answer = await caller.post("/msg-client/receive", form=form)
    assert (answer.status, answer.json()) == (400, {"error": f"{name}: is missing"})


async def test_an_empty_body_is_a_message_too(caller: ApiClient, authenticated: Connector) -> None:
    assert (await caller.post("/msg-client/receive", form={**INBOUND, "Body": ""})).status == 200


@pytest.mark.parametrize(
    "changes", [{"From": "\0"}, {"SmsSid": "9" * 400}, {"To": "x" * 400}, {"From": "a\nb"}, {"SmsSid": " "}]
)
async def test_a_field_that_cannot_be_stored_is_refused(
    caller: ApiClient, authenticated: Connector, changes: dict[str, str]
) -> None:
    answer = await caller.post("/msg-client/receive", form={**INBOUND, **changes})
    assert answer.status == 400
    assert answer.json()["error"].startswith(next(iter(changes)))


@pytest.mark.parametrize("body", [b"Body=a&Body=b", b"\xff", b"&" * 200 + b"a=b&" * 200, b"Body=%ff"])
async def test_what_is_no_form_is_refused(caller: ApiClient, authenticated: Connector, body: bytes) -> None:
    for path in ("receive", "delivery-notification"):
        assert (await caller.post(f"/msg-client/{path}", body=body)).status == 400
        other = {"content-type": "application/json"}
        assert (await caller.post(f"/msg-client/{path}", body=body, headers=other)).status == 400


# -- delivery notifications


@pytest_asyncio.fixture
async def sent(developer: ApiClient, sender_id: str) -> dict[str, Any]:
    """A message that the provider has taken, without a receipt."""
    body = {"messages": [{"to": TO, "body": "Hello"}], "mode": "sync"}
    (verdict,) = (await developer.post("/v1/messages", json=body)).json()["items"]
    assert verdict["state"] == "accepted"
    found: dict[str, Any] = verdict
    return found


@pytest.mark.parametrize("field", ["SmsStatus", "MessageStatus"])
@pytest.mark.parametrize("name", ["id", "provider_message_id"])
@pytest.mark.parametrize(
    ("status", "state"),
    [("delivered", "delivered"), ("undelivered", "undelivered"), ("failed", "failed"), ("sent", "sent")],
)
async def test_a_notification_is_in_the_ledger_when_it_is_answered(
    caller: ApiClient, developer: ApiClient, sent: dict[str, Any], field: str, name: str, status: str, state: str
) -> None:
    for _ in range(2):
        form = {"MessageSid": sent[name], field: status}
        assert (await caller.post("/msg-client/delivery-notification", form=form)).status == 200
    trace = (await developer.get(f"/v1/messages/{sent['id']}")).json()
    assert trace["state"] == state
    assert [each["state"] for each in trace["receipts"]] == [state]


async def test_notifications_fold_in_any_order(caller: ApiClient, developer: ApiClient, sent: dict[str, Any]) -> None:
    for status in ("Delivered", "queued", "SENT"):
        form = {"MessageSid": sent["id"], "SmsStatus": status, "MessageStatus": status}
        assert (await caller.post("/msg-client/delivery-notification", form=form)).status == 200
    assert (await developer.get(f"/v1/messages/{sent['id']}")).json()["state"] == "delivered"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"MessageSid": "{id}"}, 400, "MessageStatus: is missing"),
        ({"SmsStatus": "sent"}, 400, "MessageSid: is missing"),
        ({"MessageSid": "{id}", "SmsStatus": "eaten"}, 400, "MessageStatus: is one of"),
        ({"MessageSid": "{id}", "SmsStatus": "sent", "MessageStatus": "failed"}, 400, "MessageStatus: says"),
        ({"MessageSid": "\0", "SmsStatus": "sent"}, 400, "MessageSid: has no NUL"),
        ({"MessageSid": "SM0", "SmsStatus": "sent"}, 404, "MessageSid: there is no such message"),
        ({"MessageSid": str(uuid4()), "SmsStatus": "sent"}, 404, "MessageSid: there is no such message"),
    ],
)
async def test_a_notification_that_cannot_be_used_says_why(
    caller: ApiClient, sent: dict[str, Any], form: dict[str, str], status: int, error: str
) -> None:
    filled = {name: value.replace("{id}", sent["id"]) for name, value in form.items()}
    answer = await caller.post("/msg-client/delivery-notification", form=filled)
    assert answer.status == status
    assert answer.json()["error"].startswith(error)


async def test_a_message_that_was_not_sent_yet_has_no_receipts(caller: ApiClient, sender_id: str) -> None:
    message_sid = (await send(caller)).headers["message-sid"]
    form = {"MessageSid": message_sid, "SmsStatus": "delivered"}
    answer = await caller.post("/msg-client/delivery-notification", form=form)
    assert answer.status == 400
    assert "has not been sent yet" in answer.json()["error"]
