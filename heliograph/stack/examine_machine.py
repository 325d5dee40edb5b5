"""The checks that need no server: interpreter, packages, programs, data directory, ports."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from heliograph.secrets import load_key_ring
from heliograph.settings import Settings
from heliograph.stack.description import last_stack, read_stack
from heliograph.stack.diagnosis import Finding, failed, ok, warning
from heliograph.stack.directory import prepare_directory
from heliograph.stack.layout import Ports
from heliograph.stack.postgres import PROGRAMS, EmbeddedPostgres
from heliograph.stack.temporal_server import temporal_program

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_ENOUGH_DISK = 2 * 2**30  # bytes; a million messages take about one
_LITTLE_DISK = 2**29
_SETUP = "run `make setup`"


def python() -> Finding:
    """The interpreter is one we are tested with."""
    text = sys.version.split()[0]
    if sys.version_info[:2] == (3, 11):
        return ok("python", text)
    return failed("python", f"{text}, and 3.11 is needed", f"install Python 3.11 and {_SETUP}")


def packages() -> Finding:
    """What is installed is what the lock file says."""
    worker = find_spec("worker")
    lock = Path(worker.origin).with_name("requirements.lock") if worker and worker.origin else None
    if lock is None or not lock.exists():
        return ok("packages", "no requirements.lock beside this installation: nothing to compare with")
    differing = list(_differing(lock.read_text()))
    if not differing:
        return ok("packages", "as in requirements.lock")
    shown = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
    return failed("packages", f"not as in requirements.lock: {shown}", _SETUP)


def _differing(lock: str) -> Iterator[str]:
    for name, wanted in _LOCKED.findall(lock):
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "missing"
        if installed != wanted:
            yield f"{name} {installed} (locked {wanted})"


def postgres_program() -> Finding:
    """The wheel's server can be executed."""
    return _runs("postgres program", [str(PROGRAMS / "postgres"), "--version"])


def temporal() -> Finding:
    """The wheel's server can be executed."""
    return _runs("temporal program", [str(temporal_program()), "--version"])


def _runs(check: str, command: list[str]) -> Finding:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode == 0:
        return ok(check, done.stdout.strip().splitlines()[0])
    return failed(check, f"{command[0]} ends with {done.returncode}: {done.stderr.strip()[-200:]}", _SETUP)


def user(settings: Settings) -> Finding:
    """PostgreSQL refuses to run as root; there is a way around where namespaces are allowed."""
    if os.geteuid() != 0:
        return ok("user", "an ordinary user")
    prefix = EmbeddedPostgres(settings.data_dir, 1).user_prefix
    if prefix[0] == "unshare":
        return ok("user", "root; PostgreSQL runs in a user namespace")
    return warning(
        "user",
        "root, and user namespaces are forbidden here: PostgreSQL runs as nobody",
        "keep the data directory and this installation where nobody can reach them, or run as an ordinary user",
    )


def data_directory(settings: Settings) -> Finding:
    """It can be written, and the disk below it has room."""
    directory = prepare_directory(settings.data_dir)
    free = shutil.disk_usage(directory).free
    text = f"{directory}, {free / 2**30:.1f} GiB free"
    if free < _LITTLE_DISK:
        return failed("data directory", text, "make room, or set HELIOGRAPH_DATA_DIR to another disk")
    if free < _ENOUGH_DISK:
        return warning("data directory", text, "large campaigns need more: about 1 GiB for a million messages")
    return ok("data directory", text)


def ports(settings: Settings) -> Finding:
    """The doors of the last time, or the usual ones, are free, unless our own stack listens there."""
    if read_stack(settings.data_dir) is not None:
        return ok("ports", "in use by the running stack")
    last = last_stack(settings.data_dir)
    taken: list[str] = []
    Ports.remembered(settings, last.doors if last else None, taken.append)
    if not taken:
        return ok("ports", "free")
    return warning("ports", "; ".join(taken), "nothing, unless programs expect the usual ports")


def key_ring(settings: Settings) -> Finding:
    """The keys that open credentials and Temporal payloads can be read."""
    ring = load_key_ring(settings)
    source = "HELIOGRAPH_MASTER_KEYS" if settings.master_keys else str(settings.data_dir / "master-keys")
    return ok("key ring", f"{len(ring.keys)} key(s) from {source}")
