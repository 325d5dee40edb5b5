"""Viva Connect (now Helo.ai): nothing of its API is published, so it is the custom connector under its name.

See docs/providers/viva_connect.md for what to ask them.
"""

from typing import ClassVar, Final

from heliograph.providers.custom.provider import CustomHttp
from heliograph.providers.protocol import Provider


class VivaConnect(CustomHttp):
    """The kind of connector: every field of it is configuration."""

    key: ClassVar[str] = "viva_connect"
    name: ClassVar[str] = "Viva Connect"


PROVIDER: Final[Provider] = VivaConnect()
