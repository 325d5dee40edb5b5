"""Run as a program: supervises one part until it is killed. Arguments: the directory, then what to put before it."""

import asyncio
import sys
from pathlib import Path

from heliograph.stack.parts import Part
from tests.stack.small_parts import Reported, at_once, supervise


async def main() -> None:
    """Starts the part, writes its process id, waits."""
    directory = Path(sys.argv[1])
    part = Part("child", ["sleep", "600"], at_once, user_prefix=sys.argv[2:])
    supervisor = supervise(directory, Reported(), part)
    await supervisor.start()
    fresh = directory / "fresh"
    fresh.write_text(str(supervisor.pids["child"]))
    fresh.rename(directory / "pid")
    await asyncio.sleep(600)


asyncio.run(main())
