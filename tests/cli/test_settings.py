"""`heliograph keys`, `connector` and `sender` as an operator types them."""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from heliograph.cli.__main__ import run
from heliograph.db.engine import open_database
from heliograph.services.workspaces import bootstrap
from heliograph.stack.ports import free_port

Capture = pytest.CaptureFixture[str]

CREDENTIALS = ["--set", "account_sid=AC" + "1" * 32, "--set", "auth_token=right token"]
LONG_CODE = "+12015550123"


@pytest.fixture(scope="module")
def twilio() -> Iterator[str]:
    """The address of a simulated Twilio."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with subprocess.Popen([sys.executable, "-m", "heliograph.simulator", "--port", str(port)]) as process:
        try:
            _wait_for(f"{url}/health")
            yield url
        finally:
            process.terminate()


def _wait_for(url: str, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def heliograph(
    database_url: str, temporal_server: str, twilio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The options that lead to the test's own servers, with the first workspace made."""

    async def make_workspace() -> None:
        async with open_database(database_url) as database:
            await bootstrap(database)

    asyncio.run(make_workspace())
    monkeypatch.setenv("HELIOGRAPH_DATABASE_URL", database_url)
    monkeypatch.setenv("HELIOGRAPH_SIMULATOR_URL", twilio)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    return ["--data-dir", str(tmp_path)]


def answer(capture: Capture, arguments: list[str]) -> Any:
    assert run([*arguments, "--json"]) == 0, capture.readouterr().err
    return orjson.loads(capture.readouterr().out)


def test_keys_are_made_listed_and_revoked(heliograph: list[str], capsys: Capture) -> None:
    made = answer(capsys, [*heliograph, "keys", "create", "shop", "--role", "developer"])
    listed = answer(capsys, [*heliograph, "keys", "list"])["items"]
    revoked = answer(capsys, [*heliograph, "keys", "revoke", made["api_key"]["id"]])

    assert made["key"].startswith("hg_")
    assert [each["name"] for each in listed] == ["shop", "owner"]
    assert revoked["revoked_at"] is not None
    assert run([*heliograph, "keys", "list"]) == 0
    assert "revoked" in capsys.readouterr().out


def test_a_connector_is_authenticated_and_tells_its_balance(heliograph: list[str], capsys: Capture) -> None:
    (before,) = answer(capsys, [*heliograph, "connector", "list"])["items"]
    saved = answer(capsys, [*heliograph, "connector", "authenticate", *CREDENTIALS])
    left = answer(capsys, [*heliograph, "connector", "balance"])

    assert (before["authenticated"], saved["connector"]["authenticated"]) == (False, True)
    assert "check the existing senders" in saved["message"]
    assert left == {"amount": "1000.00", "currency": "USD"}
    assert run([*heliograph, "connector", "list"]) == 0
    assert "Twilio" in capsys.readouterr().out


def test_refused_credentials_end_with_1_and_the_reason(heliograph: list[str], capsys: Capture) -> None:
    refused = ["--set", "account_sid=AC" + "1" * 32, "--set", "auth_token=bad token"]
    assert run([*heliograph, "connector", "authenticate", *refused]) == 1
    assert "Invalid Twilio SID and/or Auth token" in capsys.readouterr().err


def test_senders_are_made_switched_and_deleted(heliograph: list[str], capsys: Capture) -> None:
    answer(capsys, [*heliograph, "connector", "authenticate", *CREDENTIALS])
    first = answer(capsys, [*heliograph, "sender", "create", "long_code", LONG_CODE])["sender"]
    second = answer(capsys, [*heliograph, "sender", "create", "alphanumeric", "Second", "--name", "[brand]"])["sender"]

    assert run([*heliograph, "sender", "delete", first["id"]]) == 1
    assert "default" in capsys.readouterr().err
    assert answer(capsys, [*heliograph, "sender", "default", second["id"]])["sender"]["is_default"] is True
    assert answer(capsys, [*heliograph, "sender", "delete", first["id"]])["message"] == "Settings updated Successfully"
    assert [each["id"] for each in answer(capsys, [*heliograph, "sender", "list"])["items"]] == [second["id"]]
    assert run([*heliograph, "sender", "list"]) == 0
    assert "Second" in capsys.readouterr().out


def test_a_wrong_format_names_the_rule(heliograph: list[str], capsys: Capture) -> None:
    assert run([*heliograph, "sender", "create", "messaging_service", "MS123"]) == 1
    errors = capsys.readouterr().err
    assert "Invalid Twilio Details" in errors
    assert "begins with MG" in errors


def test_a_connector_takes_the_channel_of_its_provider(heliograph: list[str], capsys: Capture) -> None:
    assert answer(capsys, [*heliograph, "connector", "add", "netcore_email"])["channel"] == "email"
    assert run([*heliograph, "connector", "add", "twilio", "--channel", "email"]) == 1
    assert "channel: Twilio sends sms, not email" in capsys.readouterr().err


def test_a_list_of_senders_names_their_connectors(heliograph: list[str], capsys: Capture) -> None:
    answer(capsys, [*heliograph, "connector", "authenticate", *CREDENTIALS])
    answer(capsys, [*heliograph, "sender", "create", "long_code", LONG_CODE])
    assert run([*heliograph, "sender", "list"]) == 0
    assert "Twilio" in capsys.readouterr().out


def test_a_test_message_that_cannot_be_sent_shows_why(heliograph: list[str], capsys: Capture) -> None:
    answer(capsys, [*heliograph, "connector", "authenticate", *CREDENTIALS])
    sender = answer(capsys, [*heliograph, "sender", "create", "long_code", LONG_CODE])["sender"]
    assert run([*heliograph, "sender", "test", sender["id"], "12"]) == 1
    assert "to: " in capsys.readouterr().err
