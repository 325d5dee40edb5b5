"""/metrics: the sums of all processes, open to whom the operator lists."""

import re
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import SecretStr

from api.app import create_app
from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import Category, Channel
from heliograph.services.context import Services
from heliograph.services.metrics import add_counted, counting
from heliograph.telemetry import instruments as table
from heliograph.telemetry import metrics
from heliograph.telemetry.metrics import Route
from heliograph.telemetry.tally import Tally
from tests.api.client import ApiClient

ROUTE = Route("twilio", Channel.SMS, Category.OTP, "2FA")
HOLDER = {"Authorization": "Bearer of-prometheus"}
SAMPLE = re.compile(r'[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? [0-9.e+-]+')


def opened(services: Services, **settings: Any) -> ApiClient:
    """The application with these settings."""
    return ApiClient(create_app(replace(services, settings=services.settings.model_copy(update=settings))), {})


@pytest.fixture
def prometheus(services: Services) -> ApiClient:
    """Who holds the secret."""
    return opened(services, metrics_secret=SecretStr("of-prometheus")).having(HOLDER)


async def test_it_is_closed_until_it_is_opened(services: Services) -> None:
    answer = await opened(services).get("/metrics")
    assert (answer.status, answer.json()["code"]) == (404, "metrics_closed")


async def test_it_is_open_to_listed_addresses_alone(services: Services) -> None:
    here, elsewhere = (ip_network("127.0.0.0/8"),), (ip_network("10.0.0.0/8"),)
    assert (await opened(services, metrics_addresses=here).get("/metrics")).status == 200
    assert (await opened(services, metrics_addresses=elsewhere).get("/metrics")).status == 403


async def test_neither_a_wrong_secret_nor_the_key_of_a_workspace_opens_it(
    services: Services, prometheus: ApiClient, admin: ApiClient
) -> None:
    assert (await prometheus.get("/metrics")).status == 200
    for headers in ({"Authorization": "Bearer"}, {"Authorization": "Bearer of-prometheu"}, admin.headers):
        answer = await prometheus.having(headers).get("/metrics")
        assert (answer.status, answer.json()["code"]) == (403, "metrics_reader")


async def test_what_several_processes_count_is_told_as_one(services: Services, prometheus: ApiClient) -> None:
    for _ in range(2):
        async with counting(services.database, services.settings):
            metrics.record_accepted(ROUTE, 3, (0.02, 0.2, 70.0))
            metrics.record_settled(ROUTE, MessageState.DELIVERED, 1, lags_seconds=(4.0,))
    lines = (await prometheus.get("/metrics")).body.decode().splitlines()
    labels = 'provider="twilio",channel="sms",category="otp",type="2FA"'
    assert sorted(line for line in lines if "accepted_total{" in line) == [
        f"heliograph_messages_accepted_total{{{in_order(labels)}}} 6"
    ]
    buckets = {read_le(line): int(line.rpartition(" ")[2]) for line in lines if "accept_latency_seconds_bucket" in line}
    assert (buckets["0.01"], buckets["0.025"], buckets["0.25"], buckets["60"], buckets["+Inf"]) == (0, 2, 4, 4, 6)
    assert any(line.startswith("heliograph_receipt_lag_seconds_count{") and line.endswith(" 2") for line in lines)


async def test_every_line_is_one_of_the_text_format(services: Services, prometheus: ApiClient) -> None:
    async with counting(services.database, services.settings):
        metrics.record_http_request(0.1, {"http.request.method": "GET", "http.route": '/a"b\\c'})
    answer = await prometheus.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    described = set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# "):
            described.add(line.split(" ")[2])
        else:
            assert SAMPLE.fullmatch(line), line
    assert "heliograph_outbox_age_seconds" in described
    assert len(described) == len(table.INSTRUMENTS)


async def test_what_postgresql_does_not_take_is_kept(services: Services) -> None:
    tally = Tally()
    tally.add(table.IMPORTED, 1, {"result": "added"})
    async with services.database.pool.acquire() as connection:
        await connection.execute("ALTER TABLE metric_series RENAME TO away")
        await add_counted(services.database, tally)
        await connection.execute("ALTER TABLE away RENAME TO metric_series")
    [kept] = tally.take()
    assert kept.count == 1


async def test_an_installation_that_counts_nothing_says_so_by_its_gauges_alone(
    services: Services, prometheus: ApiClient
) -> None:
    async with counting(services.database, services.settings.model_copy(update={"metrics_seconds": 0.0})):
        assert not metrics.metrics_enabled()
    assert "\nheliograph_outbox_depth 0\n" in (await prometheus.get("/metrics")).body.decode()


def in_order(labels: str) -> str:
    """As PostgreSQL gives the labels back: shorter names first."""
    return ",".join(sorted(labels.split(","), key=lambda pair: (len(pair.partition("=")[0]), pair)))


def read_le(line: str) -> str:
    """The bound of a bucket."""
    found = re.search(r'le="([^"]+)"', line)
    assert found is not None
    return found[1]
