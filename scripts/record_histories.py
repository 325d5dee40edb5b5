"""Records the histories under tests/histories anew, on purpose: after a change of a workflow that is not released yet.

A released workflow keeps its recorded histories: they must replay, and a new shape is recorded beside them.
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from heliograph.temporal.exit import leave
from tests.histories.recording import record_all

if __name__ == "__main__":
    asyncio.run(record_all())
    leave(0)
