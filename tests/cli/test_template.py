"""`heliograph template` as an operator types it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from heliograph.cli.__main__ import run
from heliograph.db.tables import Workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def heliograph(
    database_url: str, temporal_server: str, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The options that lead to the test's own servers."""
    monkeypatch.setenv("HELIOGRAPH_DATABASE_URL", database_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    return ["--data-dir", str(tmp_path), "--workspace", str(workspace.id), "template"]


def answer(capture: Capture, arguments: list[str]) -> Any:
    assert run([*arguments, "--json"]) == 0, capture.readouterr().err
    return orjson.loads(capture.readouterr().out)


def test_a_template_is_created_shown_listed_and_previewed(heliograph: list[str], capsys: Capture) -> None:
    made = answer(capsys, [*heliograph, "create", "Welcome", "--body", "Hi {{ name }}’", "--fallback", "name=you"])
    assert (made["name"], made["version"]["fallbacks"], made["version"]["number"]) == ("Welcome", {"name": "you"}, 1)
    assert answer(capsys, [*heliograph, "show", made["id"]]) == made
    assert [each["id"] for each in answer(capsys, [*heliograph, "list", "--name", "wel"])["items"]] == [made["id"]]
    preview = answer(capsys, [*heliograph, "preview", made["id"], "--set", "name=A=B"])
    assert (preview["body"], preview["encoding"], preview["parts"]) == ("Hi A=B’", "ucs2", 1)
    assert preview["forcing_characters"][0]["name"] == "RIGHT SINGLE QUOTATION MARK"


def test_it_speaks_to_people_too(heliograph: list[str], tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "text.txt"
    file.write_text("\ufeffHi {{ name }} [bold]\n", "utf-8")
    made = answer(capsys, [*heliograph, "create", "Wel[come]", "--file", str(file), "--tag", "new"])
    assert run([*heliograph, "show", made["id"]]) == 0
    assert "Hi {{ name }} [bold]" in capsys.readouterr().out
    assert run([*heliograph, "list"]) == 0
    listed = capsys.readouterr().out
    assert "Wel[come]" in listed
    assert made["id"] in listed
    assert run([*heliograph, "preview", made["id"], "--set", "name=Anna"]) == 0
    assert "Hi Anna [bold]\n\n1 part, gsm7, 16 units, 144 left in the last" in capsys.readouterr().out
    assert run([*heliograph, "preview", made["id"]]) == 0
    assert "no message (missing_variable)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--body", "Hi {{ name"], "body: line 1"),
        ([], "body: give either --body or --file"),
        (["--body", "x", "--fallback", "name"], "fallback: takes variable=value"),
        (["--file", "no-such-file"], "file: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_field_and_rule(
    heliograph: list[str], capsys: Capture, arguments: list[str], complaint: str
) -> None:
    assert run([*heliograph, "create", "Welcome", *arguments]) == 1
    assert complaint in capsys.readouterr().err
