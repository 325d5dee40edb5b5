"""The SMSC made of node-smpp, as a process of its own."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

_SCRIPT = Path(__file__).with_name("node_smsc.cjs")
_PATIENCE_SECONDS = 20.0


def node_modules() -> Path:
    """Where scripts/install_test_peers.sh puts what comes from npm; skips the test when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = Path(os.environ.get("HELIOGRAPH_TEST_PEERS") or cache / "heliograph" / "test-peers") / "node_modules"
    if shutil.which("node") is None or not (directory / "smpp").is_dir():
        pytest.skip("node-smpp is missing: run scripts/install_test_peers.sh")
    return directory


class NodeSmsc:
    """What it tells, and what it is told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._events: list[dict[str, Any]] = []
        self.port = 0

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name; those of other names wait."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                for event in self._events:
                    if event["event"] == name:
                        self._events.remove(event)
                        return event
                line = await self._process.stdout.readline()
                assert line, "the SMSC ended"
                self._events.append(orjson.loads(line))

    async def tell(self, **command: Any) -> None:
        """A command, obeyed."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(command) + b"\n")
        await self.event("obeyed")

    async def answer(self, answers: Sequence[dict[str, Any]]) -> None:
        """What becomes of the next messages."""
        await self.tell(answers=answers)

    async def deliver(self, **fields: Any) -> int:
        """Sends a deliver_sm; the status that it is answered with."""
        await self.tell(deliver=fields)
        return int((await self.event("delivered"))["status"])


@asynccontextmanager
async def node_smsc() -> AsyncIterator[NodeSmsc]:
    """A running SMSC."""
    process = await asyncio.create_subprocess_exec(
        "node", str(_SCRIPT), str(node_modules()), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        peer = NodeSmsc(process)
        peer.port = (await peer.event("listening"))["port"]
        yield peer
    finally:
        process.kill()
        await process.wait()
