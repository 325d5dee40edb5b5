"""Our reference in the address of a callback, for providers that call back where each request says."""

from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from heliograph.providers.protocol import parse_reference


def with_reference(callback_url: str, parameter: str, reference: str) -> str:
    """The address with the reference, whose characters need no escapes."""
    return f"{callback_url}{'&' if '?' in callback_url else '?'}{parameter}={reference}"


def reference_in(url: str, parameter: str) -> tuple[UUID, int] | None:
    """The message and attempt that an address names; None where it names none of ours."""
    return parse_reference(dict(parse_qsl(urlsplit(url).query)).get(parameter, ""))
