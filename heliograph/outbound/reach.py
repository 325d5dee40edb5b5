"""Which places may be reached: the public internet, and what the operator lists (`HELIOGRAPH_REACHABLE_HOSTS`)."""

import asyncio
import socket
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from heliograph.errors import InvalidInput, UpstreamFailed
from heliograph.outbound.origin import Address, Origin

PRIVATE_ADDRESS: Final = "private_address"
UNKNOWN_NAME: Final = "unknown_name"

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # the only part of IPv6 that is given out for the internet
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are an IPv4 address (RFC 6052)
_PLATFORM: Final = frozenset({IPv4Address("168.63.129.16")})  # public by its number, but Azure's own host inside Azure


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet, and so does the IPv4 address inside it, if there is one."""
    if isinstance(address, IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved or address in _PLATFORM)
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_UNICAST and address.is_global and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None


class Reach:
    """The policy of one installation. `reachable` are the exceptions, each `host` or `host:port`, IPv6 in brackets."""

    def __init__(self, reachable: Collection[str] = ()) -> None:
        self._listed = frozenset(entry.strip().lower() for entry in reachable)

    def check(self, origin: Origin, *, field: str = "url") -> None:
        """Refuses with `InvalidInput` what needs no look-up to be known as private: for when an address is saved.

        A name is looked up when it is used, each time anew: what it stands for today proves nothing for tomorrow.
        """
        literal = origin.literal
        if literal is not None and not self._may_reach(origin, literal):
            raise _private(field)
        if literal is None and _is_local_name(origin.host) and not self._lists(origin.host, origin.port):
            raise _private(field)

    async def addresses(self, origin: Origin, *, field: str = "url") -> Sequence[str]:
        """The addresses to connect to, as looked up now.

        `InvalidInput` (`private_address`) when one of them may not be reached: a name that has a private address
        beside a public one is an attempt. `UpstreamFailed` (`unknown_name`) when there is none.
        """
        self.check(origin, field=field)
        literal = origin.literal
        if literal is not None:
            return (str(literal),)
        found = await _look_up(origin)
        if not all(self._may_reach(origin, address) for address in found):
            raise _private(field)
        return [str(address) for address in found]

    def _may_reach(self, origin: Origin, address: Address) -> bool:
        return is_public(address) or self._lists(origin.host, origin.port) or self._lists(str(address), origin.port)

    def _lists(self, host: str, port: int) -> bool:
        host = f"[{host}]" if ":" in host else host
        return host in self._listed or f"{host}:{port}" in self._listed


async def _look_up(origin: Origin) -> list[Address]:
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UpstreamFailed(f"the name {origin.host} cannot be resolved", code=UNKNOWN_NAME) from error
    return list(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))


def _is_local_name(host: str) -> bool:
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _private(field: str) -> InvalidInput:
    return InvalidInput.of(
        field,
        "leads to a private or local address; the operator can allow it in HELIOGRAPH_REACHABLE_HOSTS",
        PRIVATE_ADDRESS,
    )
