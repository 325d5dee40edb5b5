"""Status callbacks through the real application: who is let in, and what each bad one gets."""

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

import orjson
import pytest
import pytest_asyncio

from bench.ledger_seed import ACCOUNT_SID, AUTH_TOKEN, SeededRun, provider_id, seed_run
from heliograph.providers.twilio.callbacks import signature
from heliograph.services.connections import sealing_context
from heliograph.services.context import Services
from tests.api.client import Answer, ApiClient
from tests.past import seed_messages


@pytest_asyncio.fixture
async def run(services: Services) -> SeededRun:
    """An active run on an authenticated connector."""
    return await seed_run(services.database, key_ring=services.key_ring)


def form_of(status: str, *, number: int = 1, **more: str) -> dict[str, str]:
    """What Twilio posts."""
    sid = provider_id(number)
    return {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "AccountSid": "AC" + "5" * 32, **more}


async def call(
    client: ApiClient,
    services: Services,
    run: SeededRun,
    form: Mapping[str, str],
    *,
    reference: str | None = None,
    token: str = AUTH_TOKEN,
) -> Answer:
    """A callback as Twilio signs it."""
    path = f"/callbacks/{run.callback_token}/status" + (f"?r={reference}" if reference else "")
    signed = signature(token, services.settings.public_url + path, list(form.items()))
    return await client.post(path, form=form, headers={"x-twilio-signature": signed})


async def state_of(services: Services, message_id: UUID) -> str:
    """Where the message is."""
    state: str = await services.database.pool.fetchval("SELECT state::text FROM message WHERE id = $1", message_id)
    return state


async def test_a_signed_callback_is_in_the_ledger_when_it_is_answered(
    client: ApiClient, services: Services, run: SeededRun
) -> None:
    [message] = await seed_messages(services.database.pool, run, 1)
    answer = await call(client, services, run, form_of("delivered"), reference=f"{message}.1")
    assert (answer.status, answer.body) == (200, b"")
    assert await state_of(services, message) == "delivered"


async def test_a_callback_with_a_bad_signature_changes_nothing(
    client: ApiClient, services: Services, run: SeededRun
) -> None:
    [message] = await seed_messages(services.database.pool, run, 1)
    answer = await call(client, services, run, form_of("failed"), reference=f"{message}.1", token="another")
    assert (answer.status, answer.json()["code"]) == (403, "bad_signature")
    assert await state_of(services, message) == "accepted"


async def test_a_callback_for_an_unknown_message_is_parked(
    client: ApiClient, services: Services, run: SeededRun
) -> None:
    answer = await call(client, services, run, form_of("delivered"), reference=f"{uuid4()}.1")
    assert answer.status == 200
    assert await services.database.pool.fetchval("SELECT count(*) FROM receipt WHERE message_id IS NULL") == 1


async def test_an_unknown_address_is_not_found(client: ApiClient) -> None:
    for token in ("unknown", "x" * 1000, "%00", "%C3%A4"):
        assert (await client.post(f"/callbacks/{token}/status", form={})).status == 404


async def test_a_connector_without_credentials_takes_no_callbacks(client: ApiClient, services: Services) -> None:
    run = await seed_run(services.database)
    assert (await call(client, services, run, form_of("sent"))).status == 403


@pytest.mark.parametrize("chunks", [b"x" * 70_000, [b"x" * 30_000] * 3])
async def test_a_huge_callback_is_refused(client: ApiClient, run: SeededRun, chunks: bytes | list[bytes]) -> None:
    answer = await client.post(f"/callbacks/{run.callback_token}/status", body=chunks)
    assert (answer.status, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "MessageSid"),
        ({"MessageSid": "SM1", "MessageStatus": "sent"}, "MessageSid"),
        ({"MessageSid": provider_id(1)}, "MessageStatus"),
        (form_of("received"), "MessageStatus"),
        (form_of("failed", ErrorCode="many"), "ErrorCode"),
        (form_of("sent\0"), "MessageStatus"),
    ],
)
async def test_a_signed_callback_that_cannot_be_read_names_the_field(
    client: ApiClient, services: Services, run: SeededRun, form: dict[str, str], field: str
) -> None:
    answer = await call(client, services, run, form)
    assert answer.status == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_no_bytes_make_a_callback_fail_on_our_side(client: ApiClient, run: SeededRun) -> None:
    for body in (b"", b"\0", b"\xff\xfe%", b"%", b"a=%zz&" * 200, b"&" * 60_000):
        for kind in ("application/x-www-form-urlencoded", "application/json", "\xff", ""):
            headers = {"content-type": kind.encode("latin-1").decode("latin-1"), "x-twilio-signature": "ä"}
            for query in ("", "?r=%00", "?r=" + "9" * 5000, "?bodySHA256=1&r=1.1"):
                address = f"/callbacks/{run.callback_token}/status{query}"
                assert (await client.post(address, body=body, headers=headers)).status == 403


async def test_new_credentials_take_effect_within_moments(
    client: ApiClient, services: Services, run: SeededRun
) -> None:
    assert (await call(client, services, run, form_of("sent"))).status == 200
    plain = orjson.dumps({"account_sid": ACCOUNT_SID, "auth_token": "renewed"})
    sealed = services.key_ring.seal(plain, context=sealing_context(run.connector_id))
    await services.database.pool.execute(
        "UPDATE connector SET sealed_credentials = $2 WHERE id = $1", run.connector_id, sealed
    )
    async with asyncio.timeout(10):
        while (await call(client, services, run, form_of("sent"), token="renewed")).status != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert (await call(client, services, run, form_of("sent"))).status == 403


async def test_the_door_is_described_in_the_document(client: ApiClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {"post", "get"} <= paths["/callbacks/{token}/status"].keys()


async def test_another_method_is_not_allowed(client: ApiClient, run: SeededRun) -> None:
    assert (await client.delete(f"/callbacks/{run.callback_token}/status")).status == 405
