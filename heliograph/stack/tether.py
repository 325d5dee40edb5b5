"""Ties a process to the life of its supervisor, then becomes that process.

Run as `python -I -S tether.py SUPERVISOR_PID SIGNAL NICENESS COMMAND…`; the process id stays the same. Linux sends
SIGNAL when the supervisor dies, even by SIGKILL. Doing this in the child of a fork (`preexec_fn`) is unsafe beside
threads. Elsewhere than on Linux nothing is tied: the next start clears what was left behind (`leftovers.py`).
"""

import contextlib
import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    supervisor, orphan_signal, niceness, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != int(supervisor):  # it died before we were tied
            sys.exit(1)
    _yield_to_others(int(niceness))
    os.execvp(command[0], command)


def _yield_to_others(niceness: int) -> None:
    """Takes a lower priority, also against other sessions: Linux weighs those as groups (autogroup), by a file."""
    os.nice(niceness)
    if niceness and sys.platform == "linux":
        with contextlib.suppress(OSError):  # a kernel without it: the priority holds everywhere
            os.write(os.open("/proc/self/autogroup", os.O_WRONLY | os.O_CLOEXEC), str(niceness).encode())


main()
