import logging
from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.app import create_app
from heliograph.db.engine import open_database
from heliograph.errors import (
    BadRequest,
    Conflict,
    Defect,
    FieldError,
    Forbidden,
    HeliographError,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnknownOutcome,
    UpstreamFailed,
)
from heliograph.services.context import Services
from heliograph.stack.postgres import EmbeddedPostgres
from tests.api.client import Answer, ApiClient
from tests.api.relay import Relay

MEMBERS = {"type", "title", "status", "detail", "code", "errors"}


def raising(app: FastAPI, error: Exception) -> None:
    router = APIRouter()

    @router.get("/raises")
    async def raises() -> None:
        raise error

    app.include_router(router)


def problem(answer: Answer) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.keys() >= MEMBERS
    assert body["status"] == answer.status
    assert body["type"] == f"urn:heliograph:problem:{body['code']}"
    return body


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("field: rule"),
        BadRequest("wrong"),
        Unauthenticated("who?"),
        Forbidden("no"),
        NotFound("gone"),
        Conflict("not now"),
        PayloadTooLarge("much"),
        TooManyRequests("slow down", retry_after=1.2),
        UpstreamFailed("they failed"),
        Unavailable("away"),
        UnknownOutcome("who knows"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_each_of_our_errors_is_a_problem_with_its_status(
    app: FastAPI, client: ApiClient, error: HeliographError
) -> None:
    raising(app, error)
    body = problem(await client.get("/raises"))
    assert (body["status"], body["title"], body["detail"], body["code"]) == (
        error.status,
        error.title,
        error.detail,
        error.code,
    )


async def test_broken_rules_are_listed(app: FastAPI, client: ApiClient) -> None:
    raising(app, InvalidInput("two rules", errors=[FieldError("a.b", "is even", "even"), FieldError("c", "is short")]))
    assert problem(await client.get("/raises"))["errors"] == [
        {"field": "a.b", "rule": "is even", "code": "even"},
        {"field": "c", "rule": "is short", "code": "invalid"},
    ]


async def test_too_many_requests_says_when_to_come_back_in_whole_seconds(app: FastAPI, client: ApiClient) -> None:
    raising(app, TooManyRequests("slow down", retry_after=1.2))
    assert (await client.get("/raises")).headers["retry-after"] == "2"


@pytest.mark.parametrize("error", [RuntimeError("+12015550123"), Defect("+12015550123")], ids=["unexpected", "defect"])
async def test_our_own_fault_is_told_by_an_id_that_stands_in_the_log_and_by_nothing_else(
    app: FastAPI, client: ApiClient, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    raising(app, error)
    with caplog.at_level(logging.ERROR):
        answer = await client.get("/raises")

    body = problem(answer)
    assert (body["status"], body["code"]) == (500, "defect")
    assert body["correlation_id"] in caplog.text
    assert type(error).__name__ in caplog.text
    assert "+12015550123" not in caplog.text + answer.body.decode()


async def test_a_missing_or_malformed_key_is_401_with_a_challenge(client: ApiClient) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer hg_unknown"}):
        answer = await client.get("/v1/senders", headers=headers)
        assert problem(answer)["status"] == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_broken_fields_are_named_by_path_without_their_values(admin: ApiClient) -> None:
    answer = await admin.post("/v1/senders", json={"connector_id": "secret words", "category": "weather"})
    body = problem(answer)
    assert body["status"] == 422
    assert {error["field"] for error in body["errors"]} == {"connector_id", "kind", "address", "category"}
    assert b"secret words" not in answer.body


async def test_a_broken_parameter_is_named(admin: ApiClient) -> None:
    body = problem(await admin.get("/v1/senders", query={"limit": 201}))
    assert (body["status"], body["errors"][0]["field"]) == (422, "limit")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"nonsense", b'{"name": NaN}'])
async def test_a_body_that_is_not_json_is_a_problem(admin: ApiClient, body: bytes) -> None:
    answer = await admin.post("/v1/api-keys", body=body, headers={"content-type": "application/json"})
    assert problem(answer)["status"] in {400, 422}


async def test_an_unknown_address_is_a_problem(client: ApiClient) -> None:
    body = problem(await client.get("/v1/nothing"))
    assert (body["status"], body["code"]) == (404, "unknown_address")


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client: ApiClient) -> None:
    answer = await client.delete("/v1/senders")
    assert problem(answer)["status"] == 405
    assert "POST" in answer.headers["allow"]


async def test_a_database_that_goes_away_is_a_503_with_retry_after_until_it_is_back(
    services: Services, postgres: EmbeddedPostgres, database_url: str, owner: ApiClient
) -> None:
    relay = Relay(postgres.port)
    await relay.open()
    async with open_database(database_url.replace(f":{postgres.port}/", f":{relay.port}/")) as database:
        behind = ApiClient(create_app(replace(services, database=database)), owner.headers)
        assert (await behind.get("/v1/senders")).status == 200

        await relay.cut()
        refused = [await behind.get("/v1/senders"), await behind.get("/health"), await behind.get("/v1/api-keys")]
        await relay.open()

        for answer in refused:
            assert problem(answer)["code"] == "database"
            assert int(answer.headers["retry-after"]) > 0
        assert (await behind.get("/v1/senders")).status == 200
        await relay.cut()


async def test_a_temporal_that_cannot_be_reached_is_a_503_with_retry_after(app: FastAPI, client: ApiClient) -> None:
    router = APIRouter()

    @router.get("/asks-temporal")
    async def asks() -> None:
        nowhere = await Client.connect("127.0.0.1:1", lazy=True)
        await nowhere.get_workflow_handle("x").describe()

    app.include_router(router)
    answer = await client.get("/asks-temporal")
    assert problem(answer)["code"] == "temporal"
    assert int(answer.headers["retry-after"]) > 0


async def test_temporals_refusal_of_our_call_is_our_fault(app: FastAPI, client: ApiClient) -> None:
    raising(app, RPCError("bad argument", RPCStatusCode.INVALID_ARGUMENT, b""))
    assert problem(await client.get("/raises"))["status"] == 500
