"""`heliograph campaign verify --provider`, with the real simulator process as provider."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from temporalio.client import Client

from heliograph.cli.__main__ import run
from heliograph.db.engine import Database
from heliograph.secrets import KeyRing
from heliograph.services.context import Services
from heliograph.settings import Settings
from heliograph.simulator.client import SimulatorClient
from tests.services.sent_by_hand import TAKEN_AT_ONCE, HandSent, hand_sent_run
from tests.simulator.conftest import simulator, simulator_url

__all__ = ["simulator", "simulator_url"]

Capture = pytest.CaptureFixture[str]


@pytest_asyncio.fixture
async def closed_run(
    database: Database, key_ring: KeyRing, temporal_client: Client, simulator: SimulatorClient, tmp_path: Path
) -> HandSent:
    """A run of three that are all taken, and one message of the sender's that the ledger does not know."""
    await simulator.set_script(TAKEN_AT_ONCE)
    services = Services(Settings(data_dir=tmp_path, simulator_url=simulator.url), database, key_ring, temporal_client)
    made = await hand_sent_run(services, 3)
    await made.record(*(each.accepted for each in await made.send()))
    await made.send_one("+14155559999")
    await made.close()
    await services.aclose()
    return made


@pytest.fixture
def verify(
    closed_run: HandSent,
    key_ring: KeyRing,
    database_url: str,
    temporal_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """The command for the run, with the options that lead to the test's own servers."""
    keys = ",".join(f"{name}:{b64encode(key).decode()}" for name, key in key_ring.keys.items())
    monkeypatch.setenv("HELIOGRAPH_DATABASE_URL", database_url)
    monkeypatch.setenv("HELIOGRAPH_MASTER_KEYS", keys)
    monkeypatch.setenv("HELIOGRAPH_SIMULATOR_URL", str(closed_run.services.settings.simulator_url))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    return ["--data-dir", str(tmp_path), "campaign", "verify", str(closed_run.run.campaign_id)]


def document(capture: Capture) -> Any:
    return orjson.loads(capture.readouterr().out)


def test_without_the_option_the_provider_is_not_asked(verify: list[str], capsys: Capture) -> None:
    assert run([*verify, "--json"]) == 0
    answer = document(capsys)
    assert (answer["balanced"], answer["provider"]) == (True, None)


def test_a_difference_is_told_and_ends_with_1(verify: list[str], capsys: Capture) -> None:
    assert run([*verify, "--provider", "--json"]) == 1
    answer = document(capsys)
    assert answer["balanced"] is False
    assert answer["provider"]["agrees"] is False
    compared = answer["provider"]["comparison"]
    assert (compared["listed"], compared["of_this_run"], compared["unknown_to_ledger"]["count"]) == (4, 3, 1)


def test_people_see_the_provider_book_beside_the_others(verify: list[str], capsys: Capture) -> None:
    assert run([*verify, "--provider"]) == 1
    shown = capsys.readouterr().out
    assert "UNKNOWN" in shown
    assert "the provider's book DIFFERS" in shown
    assert "NOT BALANCED" in shown


def test_a_provider_that_is_away_is_no_failure_of_the_run(
    verify: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heliograph.providers.twilio.log._PAUSES", ())
    monkeypatch.setenv("HELIOGRAPH_SIMULATOR_URL", "http://127.0.0.1:9")
    assert run([*verify, "--provider"]) == 0
    shown = capsys.readouterr().out
    assert "the provider's book is not to be had" in shown
    assert "balanced: every recipient" in shown
