"""Whether a caller's address is among those that an operator listed."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address


def is_listed(networks: Iterable[IPv4Network | IPv6Network], address: str | None) -> bool:
    """Whether `address` is in one of `networks`. IPv4 within IPv6 counts as IPv4; what is no address is not listed."""
    try:
        caller = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped is not None:
        caller = caller.ipv4_mapped
    return any(caller in network for network in networks)
