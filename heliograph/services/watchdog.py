"""The watchdog: connectors whose messages are accepted and that bring no receipt.

Providers stop calling back for reasons that show nowhere else: an address that moved, a secret that changed, a fault of
theirs. Polling hides it for a while, at the cost of a question a message.
"""

from datetime import timedelta
from uuid import UUID

from heliograph.db import watch
from heliograph.db.engine import Connection, Pool
from heliograph.db.watch import Silence
from heliograph.providers.registry import providers
from heliograph.services.context import Actor, Services
from heliograph.settings import Settings


async def read_silences(
    connection: Pool | Connection, settings: Settings, workspace_id: UUID | None = None
) -> list[Silence]:
    """The silent connectors, of a workspace or of all."""
    after, until = settings.silence_seconds, settings.receipt_window_seconds
    return await watch.read_silences(connection, timedelta(seconds=after), timedelta(seconds=until), workspace_id)


async def read_troubles(services: Services, actor: Actor) -> dict[UUID, str]:
    """What is wrong with the workspace's connectors, for people; those without trouble are missing."""
    actor.require("read")
    found = await read_silences(services.database.pool, services.settings, actor.workspace_id)
    return {each.connector_id: describe(each, services.settings) for each in found}


def describe(silence: Silence, settings: Settings) -> str:
    """What is wrong, and what to check. No callback address: its middle part is a secret."""
    kind = providers().get(silence.provider)
    name = kind.name if kind else silence.provider
    minutes = int(silence.lasting.total_seconds() // 60)
    text = f"no receipts from {name} for {minutes} minutes, though it accepts messages: "
    if silence.refused:
        return text + "its callbacks come, but their signature is wrong; save the secret that it signs with anew"
    checks = [f"{settings.public_url} can be reached from the internet", f"{name} calls this connector's status_url"]
    if kind and kind.capabilities.signed:
        checks.append("the secret that it signs with is the saved one")
    return text + "check that " + ", that ".join(checks) + ", and the provider's status page"
