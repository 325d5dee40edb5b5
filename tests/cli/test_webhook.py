"""`heliograph webhook` as an operator types it."""

from typing import Any

import pytest

from heliograph.cli.__main__ import run
from tests.cli.test_template import Capture, answer, heliograph  # noqa: F401 - a fixture


@pytest.fixture
def webhook(heliograph: list[str]) -> list[str]:  # noqa: F811
    return [*heliograph[:-1], "webhook"]


def test_a_webhook_is_made_listed_rotated_and_deleted(webhook: list[str], capsys: Capture) -> None:
    kinds = ["--kind", "campaign", "--kind", "message"]
    made = answer(capsys, [*webhook, "create", "https://shop.example/hook", *kinds, "--strategy", "on-completion"])
    assert made["secret"].startswith("hgw_")
    (listed,) = answer(capsys, [*webhook, "list"])["items"]
    assert (listed["kinds"], listed["strategy"], listed["waiting"]) == (["campaign", "message"], "on-completion", 0)
    assert answer(capsys, [*webhook, "rotate", made["id"]])["secret"] != made["secret"]
    assert answer(capsys, [*webhook, "dead", made["id"]]) == {"items": [], "next": None}
    assert answer(capsys, [*webhook, "replay", made["id"]]) == {"replayed": 0}
    assert answer(capsys, [*webhook, "delete", made["id"]]) == {"deleted": made["id"]}
    assert answer(capsys, [*webhook, "list"])["items"] == []


def test_it_speaks_to_people_too(webhook: list[str], capsys: Capture) -> None:
    made: Any = answer(capsys, [*webhook, "create", "https://shop.example/[bold]hook"])
    for command in (["list"], ["rotate", made["id"]], ["dead", made["id"]], ["replay", made["id"]]):
        assert run([*webhook, *command]) == 0
    assert run([*webhook, "create", "https://shop.example/2"]) == 0
    out = capsys.readouterr().out
    assert "[bold]hook" in out
    assert "it signs the callbacks, and is not shown again" in out


def test_a_private_address_is_refused_with_field_and_rule(webhook: list[str], capsys: Capture) -> None:
    assert run([*webhook, "create", "http://10.0.0.1/"]) == 1
    assert "url: leads to a private or local address" in capsys.readouterr().err
