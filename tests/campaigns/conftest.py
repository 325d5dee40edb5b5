"""One stack for all campaigns of this folder."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from heliograph.simulator.script import Script
from tests.campaigns.stage import Stage, open_stage


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def whole_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A stack with short times."""
    async with open_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="session")
async def stage(whole_stack: Stage) -> Stage:
    """The stack with a provider that takes and delivers everything at once."""
    await whole_stack.follow(Script())
    return whole_stack
