"""Which histories there must be, where they lie, and the key that opens them."""

import base64
from pathlib import Path
from typing import Final

from temporalio.client import WorkflowHistory

from heliograph.secrets import parse_key_ring

DIRECTORY: Final = Path(__file__).parent

MASTER_KEYS: Final = "histories:" + base64.b64encode(b"opens recorded histories only !!").decode()
"""Stands in the repository because it protects nothing: a recorded history holds ids and counts of a rehearsal."""

KEY_RING: Final = parse_key_ring(MASTER_KEYS)

SCENARIOS: Final = (
    "campaign/plain",
    "campaign/paused_and_resumed",
    "campaign/stopped",
    "campaign/speed_changed",
    "campaign/paused_itself",
    "campaign/waited_for_its_time",
    "campaign/polled",
    "campaign/continued_as_new_first",
    "campaign/continued_as_new_last",
    "delivery_reports/one_round",
    "dispatch/one_round",
    "sweeper/one_round",
    "export/plain",
    "import/plain",
    "listen/until_deleted",
    "polling/until_nothing_is_awaited",
    "webhook/told",
    "webhook/deleted",
    "webhooks/one_round",
)
"""Each is a file of this directory: `<scenario>.json`."""


def path_of(scenario: str) -> Path:
    """Where a scenario is kept."""
    return DIRECTORY / f"{scenario}.json"


def read_history(scenario: str) -> WorkflowHistory:
    """A recorded history; its payloads are still sealed."""
    return WorkflowHistory.from_json(scenario, path_of(scenario).read_text())
