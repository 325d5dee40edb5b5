"""Messages from people: stored, shown, acted upon; with Twilio's webhook as the way in."""

from typing import Any

import pytest
import pytest_asyncio

from heliograph.db.tables import Connector
from heliograph.services.context import Services
from tests.api.client import ApiClient
from tests.api.inbound import PERSON, say
from tests.api.simulated_twilio import LONG_CODE

OTHER_CODE = "+12015550199"


async def add_sender(admin: ApiClient, connector: Connector, address: str, category: str) -> str:
    body = {"connector_id": str(connector.id), "kind": "long_code", "address": address, "category": category}
    made = await admin.post("/v1/senders", json=body)
    assert made.status == 201, made.json()
    return str(made.json()["sender"]["id"])


@pytest_asyncio.fixture
async def sender_id(admin: ApiClient, authenticated: Connector) -> str:
    """The sender that people write to."""
    return await add_sender(admin, authenticated, LONG_CODE, "promotional")


@pytest_asyncio.fixture
async def other_sender_id(admin: ApiClient, authenticated: Connector) -> str:
    """Another sender of the same connector."""
    return await add_sender(admin, authenticated, OTHER_CODE, "transactional")


async def change_rules(admin: ApiClient, **changes: Any) -> None:
    rules = (await admin.get("/v1/opt-out-rules")).json()
    languages = changes.pop("languages", {})
    for name, words in languages.items():
        rules["languages"][name] = {**rules["languages"].get(name, {}), **words}
    saved = await admin.put("/v1/opt-out-rules", json={**rules, **changes})
    assert saved.status == 200, saved.json()


async def suppressed(client: ApiClient) -> list[tuple[str, str | None, str]]:
    items = (await client.get("/v1/suppressions")).json()["items"]
    return [(each["address"], each["sender_id"], each["reason"]) for each in items]


async def replies(services: Services) -> list[tuple[str, str, str]]:
    rows = await services.database.pool.fetch(
        "SELECT address, body, type FROM message JOIN direct_message ON message_id = id ORDER BY id"
    )
    return [(row["address"], row["body"], row["type"]) for row in rows]


async def test_a_message_is_stored_once_and_shown_with_the_sender_it_was_to(
    client: ApiClient, viewer: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    for _ in range(2):
        answer = await say(client, services, authenticated, "Where is my parcel? 🙂", sid="SM" + "1" * 32)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        assert b"<Response" in answer.body
    (only,) = (await viewer.get("/v1/inbound-messages")).json()["items"]
    assert (only["address"], only["sent_to"], only["sender_id"]) == (PERSON, LONG_CODE, sender_id)
    assert (only["body"], only["keyword"]) == ("Where is my parcel? 🙂", None)
    assert (await viewer.get(f"/v1/inbound-messages/{only['id']}")).json() == only


async def test_messages_come_in_pages_and_by_sender_person_and_word(
    client: ApiClient,
    viewer: ApiClient,
    services: Services,
    authenticated: Connector,
    sender_id: str,
    other_sender_id: str,
) -> None:
    for number in range(3):
        await say(client, services, authenticated, f"Message {number}")
    await say(client, services, authenticated, "HELP", to=OTHER_CODE, person="+14155550124")
    first = (await viewer.get("/v1/inbound-messages", query={"limit": 2})).json()
    rest = (await viewer.get("/v1/inbound-messages", query={"limit": 2, "after": first["next"]})).json()
    assert [each["body"] for each in first["items"] + rest["items"]] == ["HELP", "Message 2", "Message 1", "Message 0"]
    assert rest["next"] is None
    for query, count in (
        ({"sender_id": sender_id}, 3),
        ({"sender_id": other_sender_id}, 1),
        ({"address": "+14155550124"}, 1),
        ({"keyword": "help"}, 1),
        ({"keyword": "stop"}, 0),
        ({"connector_id": str(authenticated.id)}, 4),
    ):
        assert len((await viewer.get("/v1/inbound-messages", query=query)).json()["items"]) == count, query


async def test_a_message_of_another_workspace_is_not_found(viewer: ApiClient, authenticated: Connector) -> None:
    assert (await viewer.get(f"/v1/inbound-messages/{authenticated.id}")).json()["code"] == "inbound_message_not_found"


async def test_a_stop_counts_for_the_whole_workspace_and_a_start_lifts_it(
    client: ApiClient, viewer: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    await say(client, services, authenticated, "Stop.")
    assert await suppressed(viewer) == [(PERSON, None, "opt_out")]
    await say(client, services, authenticated, "STOP")
    assert len(await suppressed(viewer)) == 1
    await say(client, services, authenticated, "start")
    assert await suppressed(viewer) == []


async def test_where_the_workspace_says_so_a_stop_counts_for_its_sender_alone(
    client: ApiClient,
    admin: ApiClient,
    services: Services,
    authenticated: Connector,
    sender_id: str,
    other_sender_id: str,
) -> None:
    await change_rules(admin, scope="sender")
    await say(client, services, authenticated, "STOP")
    assert await suppressed(admin) == [(PERSON, sender_id, "opt_out")]
    await say(client, services, authenticated, "START", to=OTHER_CODE)
    assert await suppressed(admin) == [(PERSON, sender_id, "opt_out")]
    await say(client, services, authenticated, "START")
    assert await suppressed(admin) == []


async def test_a_number_that_is_a_sender_in_two_categories_is_one_to_who_writes_stop(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    twin = await add_sender(admin, authenticated, LONG_CODE, "transactional")
    await change_rules(admin, scope="sender")
    await say(client, services, authenticated, "STOP")
    assert {each[1] for each in await suppressed(admin)} == {sender_id, twin}


async def test_a_stop_to_a_number_that_is_no_sender_counts_for_all(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    await change_rules(admin, scope="sender")
    await say(client, services, authenticated, "STOP", to="+12015550777")
    assert await suppressed(admin) == [(PERSON, None, "opt_out")]


async def test_a_start_does_not_lift_what_somebody_set(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    await say(client, services, authenticated, "STOP")
    made = await admin.post("/v1/suppressions", json={"address": PERSON})
    assert made.json()["reason"] == "manual"
    await say(client, services, authenticated, "START")
    assert await suppressed(admin) == [(PERSON, None, "manual")]


async def test_a_start_lifts_what_the_providers_refusal_made(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    await services.database.pool.execute(
        """
        INSERT INTO suppression (id, created_at, workspace_id, channel, address, sender_id, reason, source)
        VALUES (uuidv7(), now(), $1, 'sms', $2, $3, 'opt_out', 'provider 21610')
        """,
        authenticated.workspace_id,
        PERSON,
        sender_id,
    )
    await say(client, services, authenticated, "START")
    assert await suppressed(admin) == []


async def test_help_is_answered_once_from_the_sender_that_was_written_to(
    client: ApiClient,
    admin: ApiClient,
    services: Services,
    authenticated: Connector,
    other_sender_id: str,
    sender_id: str,
) -> None:
    await change_rules(admin, languages={"en": {"help_reply": "Call 555-0100."}, "de": {"help": ["HILFE"]}})
    for _ in range(2):
        await say(client, services, authenticated, "Help", sid="SM" + "2" * 32)
    assert await replies(services) == [(PERSON, "Call 555-0100.", "reply")]
    assert await services.database.pool.fetchval("SELECT sender_id::text FROM message") == sender_id
    await say(client, services, authenticated, "HELP")  # two machines must not talk to each other for ever
    await say(client, services, authenticated, "Hilfe")  # has no reply of its own
    assert len(await replies(services)) == 1


async def test_start_is_answered_and_stop_never(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector, sender_id: str
) -> None:
    await change_rules(admin, languages={"en": {"start_reply": "Welcome back."}})
    await say(client, services, authenticated, "STOP")
    assert await replies(services) == []
    await say(client, services, authenticated, "START")
    assert [body for _, body, _ in await replies(services)] == ["Welcome back."]


@pytest.mark.parametrize(("kind", "rows"), [("STOP", 1), ("HELP", 0)])
async def test_the_providers_word_counts_and_is_not_answered_again(
    client: ApiClient,
    admin: ApiClient,
    services: Services,
    authenticated: Connector,
    sender_id: str,
    kind: str,
    rows: int,
) -> None:
    await change_rules(admin, languages={"en": {"help_reply": "Call 555-0100."}})
    await say(client, services, authenticated, "Basta", OptOutType=kind)
    assert len(await suppressed(admin)) == rows
    assert await replies(services) == []
    (only,) = (await admin.get("/v1/inbound-messages")).json()["items"]
    assert only["keyword"] == kind.lower()


async def test_a_reply_that_cannot_be_made_does_not_keep_the_message_out(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector
) -> None:
    await change_rules(admin, languages={"en": {"help_reply": "Call 555-0100."}})
    assert (await say(client, services, authenticated, "HELP")).status == 200  # there is no sender at all
    assert (await say(client, services, authenticated, "HELP", person="AMAZON")).status == 200
    assert len((await admin.get("/v1/inbound-messages")).json()["items"]) == 2


async def test_what_nobody_signed_is_refused(
    client: ApiClient, viewer: ApiClient, services: Services, authenticated: Connector
) -> None:
    assert (await say(client, services, authenticated, "STOP", token="another")).status == 403
    assert await suppressed(viewer) == []


@pytest.mark.parametrize("person", ["+1" + "4" * 400, "+1415\x00"])
async def test_a_name_that_cannot_be_stored_is_refused_with_its_rule(
    client: ApiClient, services: Services, authenticated: Connector, person: str
) -> None:
    answer = await say(client, services, authenticated, "STOP", person=person)
    assert answer.status == 422
    assert answer.json()["errors"][0]["field"] == "from"


async def test_a_nul_in_a_body_is_left_out(
    client: ApiClient, viewer: ApiClient, services: Services, authenticated: Connector
) -> None:
    assert (await say(client, services, authenticated, "a\0b")).status == 200
    assert (await viewer.get("/v1/inbound-messages")).json()["items"][0]["body"] == "ab"


async def test_rules_belong_to_admins_and_are_audited(
    marketer: ApiClient, admin: ApiClient, authenticated: Connector, owner: ApiClient
) -> None:
    rules = (await marketer.get("/v1/opt-out-rules")).json()
    assert rules["scope"] == "workspace"
    assert "STOP" in rules["languages"]["en"]["stop"]
    assert (await marketer.put("/v1/opt-out-rules", json=rules)).status == 403
    await change_rules(admin, languages={"de": {"stop": ["HALT"]}})
    (entry,) = (await owner.get("/v1/audit-entries", query={"noun": "opt_out"})).json()["items"]
    assert entry["detail"] == {"scope": "workspace", "words": {"en": 13, "fr": 3, "de": 1}}
    refused = await admin.put("/v1/opt-out-rules", json={"languages": {"en": {"help": ["HELP"]}}})
    assert refused.status == 422
    assert "at least one word means STOP" in refused.json()["detail"]


async def test_own_words_count_from_now_on(
    client: ApiClient, admin: ApiClient, services: Services, authenticated: Connector
) -> None:
    await change_rules(admin, languages={"de": {"stop": ["HALT"]}})
    await say(client, services, authenticated, "halt!")
    assert await suppressed(admin) == [(PERSON, None, "opt_out")]
