"""Free TCP ports on the loopback interface."""

import socket


def free_port(preferred: int | None = None) -> int:
    """`preferred` if nothing listens there, else one the system picks."""
    for candidate in (preferred, 0) if preferred else (0,):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate or 0))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise OSError("no free TCP port on 127.0.0.1")
