"""A custom connector from the command line: added, authenticated, configured, tried."""

from pathlib import Path

import orjson
import pytest

from heliograph.cli.__main__ import run
from tests.cli.test_settings import Capture, answer, heliograph, twilio
from tests.providers.custom.gateway import KEY, configuration

__all__ = ["heliograph", "twilio"]

NUMBER = "+447400123456"


@pytest.fixture
def added(
    heliograph: list[str], twilio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> tuple[str, Path]:
    """Its id, and the file with its configuration; the simulator may be reached."""
    monkeypatch.setenv("HELIOGRAPH_REACHABLE_HOSTS", orjson.dumps([twilio.removeprefix("http://")]).decode())
    file = tmp_path / "gateway.json"
    header = {"headers": {"X-Key": "{{ secrets.api_key }}"}}
    content = configuration(twilio)
    file.write_bytes(orjson.dumps({**content, "request": {**content["request"], **header}}))
    connector_id = answer(capsys, [*heliograph, "connector", "add", "custom", "--configuration", str(file)])["id"]
    secrets = ["--set", f"token=shop.{KEY}", "--set", "secrets.api_key=very-secret"]
    answer(capsys, [*heliograph, "connector", "authenticate", connector_id, *secrets])
    return connector_id, file


def test_a_connector_is_tried_and_its_secrets_are_hidden(
    heliograph: list[str], added: tuple[str, Path], capsys: Capture
) -> None:
    attempt = [*heliograph, "connector", "try", "--connector", added[0], "--sender", "ACME", NUMBER, "Grüße [b]"]
    tried = answer(capsys, attempt)
    assert (tried["verdict"]["word"], tried["answer"]["status"]) == ("accepted", 202)
    assert run(attempt) == 0
    shown = capsys.readouterr().out
    assert "POST http://" in shown
    assert "X-Key: •••" in shown
    assert "Grüße [b]" in shown
    assert "→ accepted: " in shown
    assert KEY not in shown
    assert "very-secret" not in shown


def test_another_configuration_is_tried_and_then_saved(
    heliograph: list[str], added: tuple[str, Path], tmp_path: Path, capsys: Capture
) -> None:
    connector_id, file = added
    changed = orjson.loads(file.read_bytes())
    del changed["request"]["body"]["document"]["text"]
    other = tmp_path / "other.json"
    other.write_bytes(orjson.dumps(changed))
    attempt = [*heliograph, "connector", "try", "--connector", connector_id, "--sender", "ACME", NUMBER]
    assert run([*attempt, "--configuration", str(other)]) == 0
    assert "→ refused: content bad_text" in capsys.readouterr().out
    assert run([*heliograph, "connector", "configure", str(other), "--connector", connector_id]) == 0
    assert "is configured" in capsys.readouterr().out
    assert answer(capsys, attempt)["verdict"]["word"] == "refused"


def test_a_file_that_is_no_configuration_is_refused(
    heliograph: list[str], added: tuple[str, Path], tmp_path: Path, capsys: Capture
) -> None:
    broken = tmp_path / "broken.json"
    for content in (b"{", b"[]", b"{}"):
        broken.write_bytes(content)
        assert run([*heliograph, "connector", "configure", str(broken), "--connector", added[0]]) == 1
        assert "configuration" in capsys.readouterr().err
