"""What `heliograph up` writes down about itself: `stack.json` in the data directory.

The command line, the demo, the benches and the tests find a running stack through it. It stays when the stack stops, so
that the next start opens the same doors: addresses of callbacks hold the port of the API.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from heliograph.settings import Settings
from heliograph.stack.lock import is_locked

FILE_NAME = "stack.json"


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True)


class Doors(_Described):
    """Where each part listens; None for a part that this stack does not have."""

    api: str | None = None  # http://127.0.0.1:8080
    public: str | None = None  # the address of the API as providers see it
    temporal: str | None = None  # 127.0.0.1:7233
    temporal_ui: str | None = None  # http://127.0.0.1:8233
    database: str | None = None  # postgresql://…
    simulator: str | None = None  # http://127.0.0.1:8090
    simulator_smtp: str | None = None  # smtp://127.0.0.1:8025
    simulator_smpp: str | None = None  # smpp://127.0.0.1:2775


class PartDescription(_Described):
    """A process of the stack; None while it is down."""

    pid: int | None


class StackDescription(_Described):
    """A stack: who supervises it, its doors and its processes."""

    pid: int
    started_at: datetime
    stopped_at: datetime | None = None  # None when it runs, or was killed
    doors: Doors
    reachable_hosts: tuple[str, ...] = ()  # the private hosts that the stack's operator listed
    parts: dict[str, PartDescription]

    def write(self, data_dir: Path) -> None:
        """Replaces the file in one step, readable by its owner only: the database's address may hold a password."""
        path = data_dir / FILE_NAME
        fresh = path.with_name(f".{FILE_NAME}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(self.model_dump_json(indent=2))
        fresh.replace(path)


def last_stack(data_dir: Path) -> StackDescription | None:
    """The stack that runs or ran last on this directory; None when there was none or the file cannot be read."""
    try:
        return StackDescription.model_validate_json((data_dir / FILE_NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def read_stack(data_dir: Path) -> StackDescription | None:
    """The stack that runs on this directory now, or None."""
    return last_stack(data_dir) if is_locked(data_dir) else None


def settings_of_running_stack(settings: Settings) -> Settings:
    """`settings` with the doors of the stack that runs on its data directory; what was set explicitly stays."""
    stack = read_stack(settings.data_dir)
    if stack is None:
        return settings
    overlay = settings_of_doors(settings, stack.doors)
    overlay["reachable_hosts"] = tuple(dict.fromkeys((*overlay["reachable_hosts"], *stack.reachable_hosts)))
    explicit = settings.model_fields_set - {"reachable_hosts"}  # which is added to
    return settings.model_copy(update={name: value for name, value in overlay.items() if name not in explicit})


def settings_of_doors(settings: Settings, doors: Doors) -> dict[str, Any]:
    """The settings, by field name, of a process that uses these doors."""
    known: dict[str, Any] = {
        "data_dir": settings.data_dir.absolute(),
        "database_url": doors.database,
        "temporal_address": doors.temporal,
        "temporal_ui_url": doors.temporal_ui,
        "public_url": doors.public,
        "simulator_url": doors.simulator,
        "api_port": _port(doors.api),
        "simulator_port": _port(doors.simulator),
        "reachable_hosts": _with_simulator(settings.reachable_hosts, doors.simulator),
        "simulator_smtp_port": _port(doors.simulator_smtp),
        "simulator_smpp_port": _port(doors.simulator_smpp),
    }
    return {name: value for name, value in known.items() if value is not None}


def _with_simulator(reachable: tuple[str, ...], simulator: str | None) -> tuple[str, ...]:
    """Custom connectors and webhooks may reach the simulator beside them, wherever it listens."""
    if simulator is None or urlsplit(simulator).netloc in reachable:
        return reachable
    return (*reachable, urlsplit(simulator).netloc)


def _port(url: str | None) -> int | None:
    return urlsplit(url).port if url else None
