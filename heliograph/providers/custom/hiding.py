"""Takes secrets out of what is shown, however they were written there."""

from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from typing import Final
from urllib.parse import quote

from heliograph.providers.custom.escapes import ESCAPES, Unwritable

HIDDEN: Final = "•••"


def hide(text: str, secrets: Collection[str]) -> str:
    """The text without any of the secrets, the longest first: one may be a part of another."""
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def hide_headers(
    headers: Mapping[str, str], secrets: Collection[str], authentication: Collection[str]
) -> dict[str, str]:
    """The headers; those of the authentication without any of their value."""
    hidden = {name.lower() for name in authentication}
    return {name: HIDDEN if name.lower() in hidden else hide(value, secrets) for name, value in headers.items()}


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret)
    yield b64encode(secret.encode()).decode("ascii")
    for escape in ESCAPES.values():
        try:
            yield escape(secret)
        except Unwritable:
            continue
