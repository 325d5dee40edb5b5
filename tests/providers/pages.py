"""The examples on the pages about gateways, as users copy them."""

import re
from pathlib import Path
from typing import Any

import orjson

KEYS = ["gupshup", "kaleyra", "netcore", "telspiel", "times_internet"]
_PAGES = Path(__file__).parents[2] / "docs" / "providers"
_EXAMPLE = re.compile(r"^```json connector\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ACCOUNT_NAMES = ("user_id", "account_sid", "username")


def example_of(key: str) -> dict[str, Any]:
    """Credentials, configuration, sender and message on a provider's page."""
    found = _EXAMPLE.search((_PAGES / f"{key}.md").read_text())
    assert found, f"docs/providers/{key}.md has no example"
    example: dict[str, Any] = orjson.loads(found[1])
    return example


def account_name(example: dict[str, Any]) -> str:
    """How the simulator calls the account of an example."""
    credentials: dict[str, str] = example["credentials"]
    return next(credentials[field] for field in _ACCOUNT_NAMES if field in credentials)
