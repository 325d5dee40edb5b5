"""What a command works with: the settings, the open services, and who is asking."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer

from heliograph.domain.vocabulary import Role
from heliograph.errors import InvalidInput
from heliograph.services import opening
from heliograph.services.context import Actor, Services
from heliograph.settings import Settings, settings
from heliograph.stack.description import settings_of_running_stack

Answer = TypeVar("Answer")


@dataclass
class _Choices:
    """The options before the command's name; one command line, one process."""

    workspace: str | None = None
    data_dir: Path | None = None


choices = _Choices()


def current_settings() -> Settings:
    """The configured settings, with the options before the command and the doors of a running stack."""
    configured = settings()
    if choices.data_dir is not None:
        configured = Settings(data_dir=choices.data_dir)
    return settings_of_running_stack(configured)


def run(command: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs the asynchronous part of a command. SIGTERM ends it as Ctrl-C does: what it opened is closed first."""

    async def main() -> Answer:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await command

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


@asynccontextmanager
async def open_services() -> AsyncIterator[tuple[Services, Actor]]:
    """The services of the running stack or the configured environment, and an owner of the chosen workspace."""
    async with opening.open_services(current_settings(), application="heliograph command line") as services:
        yield services, await owner_of_chosen_workspace(services)


async def owner_of_chosen_workspace(services: Services) -> Actor:
    """Whoever has the command line of an installation is its owner."""
    wanted = choices.workspace or services.settings.workspace
    workspaces = await opening.all_workspaces(services)
    found = [one for one in workspaces if wanted is None or wanted in (one.name, str(one.id))]
    if len(found) == 1:
        return Actor(found[0].id, Role.OWNER, "command line")
    names = ", ".join(f"{one.name!r} ({one.id})" for one in workspaces) or "none: `heliograph up` makes the first"
    rule = "several match, give --workspace or HELIOGRAPH_WORKSPACE" if found else "no workspace has this name or id"
    raise InvalidInput.of("workspace", f"{rule}. There are: {names}")
