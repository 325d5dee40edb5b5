"""Questions to a provider while settings are checked: two more tries while it fails, then a clear end (A1.7)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from heliograph.errors import UpstreamFailed
from heliograph.providers.protocol import Provider

RETRIES: Final = 2

Asked = TypeVar("Asked")


async def ask(provider: Provider, question: Callable[[], Awaitable[Asked]], *, pause: float) -> Asked:
    """The answer; `UpstreamFailed` (502) when the provider fails three times, `pause` seconds apart."""
    for _ in range(RETRIES):
        try:
            return await question()
        except UpstreamFailed:
            await asyncio.sleep(pause)
    try:
        return await question()
    except UpstreamFailed as error:
        raise UpstreamFailed(f"An unexpected error occurred at {provider.name}.") from error
