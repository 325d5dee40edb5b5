"""Custom HTTP connector: any gateway that takes a message in one HTTP request. See docs/providers/custom.md."""

from typing import Final

from heliograph.providers.custom.provider import CustomHttp
from heliograph.providers.protocol import Provider

PROVIDER: Final[Provider] = CustomHttp()
