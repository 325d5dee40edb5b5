"""The real simulator process, for whoever needs a Twilio."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from heliograph.stack.ports import free_port


@contextmanager
def running_simulator(*arguments: str, port: int | None = None) -> Iterator[str]:
    """Starts `python -m heliograph.simulator`, waits until it is healthy, and yields its address."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "heliograph.simulator", "--port", str(port), *arguments]
    with subprocess.Popen(command) as process:
        try:
            _wait_until_healthy(url)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_healthy(url: str, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
