"""`heliograph report` as an operator types it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from activities.exports import ExportActivities
from heliograph.cli.__main__ import run
from heliograph.contracts import Lane
from heliograph.db.engine import open_database
from heliograph.domain.ledger import MessageState
from heliograph.services.opening import open_services
from heliograph.settings import Settings
from tests.db.ledger import Seeded, seed_run
from tests.past import seed_messages
from tests.services.exporting.exports import exported
from worker import build_worker

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def seeded(database_url: str) -> Seeded:
    """A run with two delivered messages and one that failed."""

    async def seed() -> Seeded:
        async with open_database(database_url) as database:
            made = await seed_run(database, 0)
            await seed_messages(database.pool, made, 2, MessageState.DELIVERED)
            await seed_messages(database.pool, made, 1, MessageState.FAILED, first=3, error_code="30005")
            return made

    return asyncio.run(seed())


@pytest.fixture
def heliograph(
    database_url: str, temporal_server: str, seeded: Seeded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The options that lead to the test's own servers."""
    monkeypatch.setenv("HELIOGRAPH_DATABASE_URL", database_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    return ["--data-dir", str(tmp_path), "--workspace", str(seeded.workspace_id), "report"]


@pytest.fixture
def worker(heliograph: list[str], tmp_path: Path) -> Iterator[None]:
    """Carries exports out, beside the command that waits for them."""
    ready, stop = threading.Event(), threading.Event()

    async def work() -> None:
        configured = Settings(data_dir=tmp_path)
        async with open_services(configured, application="test") as services:
            exports = ExportActivities(services.database, configured)
            async with build_worker(services.temporal, Lane.CONTROL, [exports.export_report]):
                ready.set()
                await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    assert ready.wait(30), "the worker does not start"
    yield
    stop.set()
    thread.join()


def answer(capture: Capture, arguments: list[str]) -> Any:
    assert run([*arguments, "--json"]) == 0, capture.readouterr().err
    return orjson.loads(capture.readouterr().out)


def test_communications_are_listed_and_filtered(heliograph: list[str], seeded: Seeded, capsys: Capture) -> None:
    everything = answer(capsys, [*heliograph, "communications"])
    assert [each["state"] for each in everything["items"]] == ["failed", "delivered", "delivered"]
    first = answer(capsys, [*heliograph, "communications", "--limit", "1"])
    rest = answer(capsys, [*heliograph, "communications", "--after", first["next"], "--run", str(seeded.run_id)])
    assert first["items"] + rest["items"] == everything["items"]
    failed = answer(capsys, [*heliograph, "communications", "--status", "error", "--from", "2020-01-01"])
    assert failed["items"] == first["items"]
    assert run([*heliograph, "communications", "--limit", "1"]) == 0
    shown = capsys.readouterr()
    assert "30005" in shown.out
    assert f"--after {first['next']}" in shown.err


def test_an_export_is_waited_for_and_written(
    heliograph: list[str], worker: None, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "report.csv"
    assert run([*heliograph, "export", "--channel", "sms", "--output", str(file)]) == 0
    assert "3 messages in" in capsys.readouterr().out
    assert [row["status"] for row in exported(file)] == ["error", "success", "success"]
    ended = answer(capsys, [*heliograph, "export", "--status", "error"])
    assert (ended["status"], ended["rows_written"]) == ("completed", 1)


def test_a_bad_filter_is_refused(heliograph: list[str], capsys: Capture) -> None:
    assert run([*heliograph, "export", "--from", "2026-01-02", "--until", "2026-01-01"]) == 1
    assert "until: is later than from" in capsys.readouterr().err
