"""How every process of ours that has used the Temporal client ends.

The SDK's Rust threads can abort the interpreter while it takes itself down (temporalio/sdk-python issue 300): a run
that did everything right would end with 134 or 139. So the interpreter is not taken down: what the exit would do for us
is done by hand, then the process leaves.
"""

import atexit
import contextlib
import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """Runs the exit handlers (telemetry sends its last batch there), flushes logs and streams, ends the process."""
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a reader that went away, a stream that is closed
            stream.flush()
    os._exit(code)
