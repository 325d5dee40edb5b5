"""Free TCP ports on the loopback interface."""

import random
import socket
from collections.abc import Iterable

_NEIGHBOURS = 100
_OWN_RANGE = range(20000, 32000)
"""Below the range from which systems take the ports of outgoing connections (32768 and up on Linux, 49152 by RFC 6335):
while a server is down, an outgoing connection must not take its port."""


def is_free(port: int) -> bool:
    """Whether nothing listens there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None, *, besides: Iterable[int] = ()) -> int:
    """`preferred` if nothing listens there, else the next free one above it, else any; never one of `besides`."""
    given = set(besides)
    near = range(preferred, min(preferred + _NEIGHBOURS, 65536)) if preferred else ()
    anywhere = random.sample(_OWN_RANGE, _NEIGHBOURS)
    port: int
    for port in (*near, *anywhere):
        if port not in given and is_free(port):
            return port
    raise OSError("no free TCP port on 127.0.0.1")
