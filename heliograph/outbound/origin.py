"""Where an address leads to, as the HTTP client itself reads it.

`http://0x7f.1`, `http:///127.0.0.1` and `http://①27.0.0.1` all lead to 127.0.0.1, whatever Python's own parser makes of
them. So the client's parser reads the address here too: there is no second opinion that could differ.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self

from pyreqwest.http import Url

from heliograph.errors import InvalidInput

Address = IPv4Address | IPv6Address

_AFTER_THE_HOST: Final = re.compile(r"[/\\?#]")
_LONGEST_SCHEME: Final = len("https://")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what a connection is made to."""

    scheme: str
    host: str  # a name in ASCII and lower case, or an IP address without brackets
    port: int

    @classmethod
    def of(cls, url: str, *, field: str = "url") -> Self:
        """The origin of an address that a user gave; `InvalidInput` naming `field` and the rule it breaks. No I/O."""
        try:
            parsed = Url(url)
        except ValueError as error:
            raise InvalidInput.of(field, f"is not an address: {error}", "not_an_address") from error
        host, port = parsed.host_str, parsed.port_or_known_default
        if parsed.scheme not in {"http", "https"}:
            raise InvalidInput.of(field, "begins with https:// or http://", "scheme")
        if not host or not port:
            raise InvalidInput.of(field, "names a host", "not_an_address")
        if parsed.username or parsed.password is not None:
            raise InvalidInput.of(field, "holds no user name or password: they have fields of their own", "credentials")
        return cls(parsed.scheme, host.strip("[]"), port)

    @property
    def literal(self) -> Address | None:
        """The IP address, where the host is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """As `Origin.of`, for addresses that are used again and again: parsed once for all that follows their host."""
    end = _AFTER_THE_HOST.search(url, _LONGEST_SCHEME)
    return _parsed(
        f"{url if end is None else url[: end.start()]}/"
    )  # the slash ends the host: a space before it counts


@lru_cache(maxsize=256)
def _parsed(beginning: str) -> Origin:
    return Origin.of(beginning)
