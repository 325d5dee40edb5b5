"""Who may call the SMS connector API, and for which workspace: by configuration alone."""

import hmac
from functools import lru_cache
from uuid import UUID

from heliograph.db.msg_client import find_workspaces
from heliograph.errors import Defect, Forbidden, NotFound
from heliograph.services.addresses import is_listed
from heliograph.services.context import Services
from heliograph.settings import Settings


async def admit(services: Services, address: str | None, secret: str | None) -> UUID:
    """The workspace, for a caller who may call.

    `NotFound` while the API is not open at all, `Forbidden` for anybody not listed, `Defect` when the configured
    workspace is not there.
    """
    settings = services.settings
    if settings.msg_client_workspace is None or not (settings.msg_client_addresses or settings.msg_client_secrets):
        raise NotFound("the SMS connector API is not open in this installation", code="msg_client_closed")
    if not (is_listed(settings.msg_client_addresses, address) or _holds_secret(settings, secret)):
        raise Forbidden("this address is not listed, and no valid secret was given", code="msg_client_caller")
    found = await find_workspaces(services.database.pool, settings.msg_client_workspace)
    if len(found) != 1:
        raise Defect(f"HELIOGRAPH_MSG_CLIENT_WORKSPACE names {len(found) or 'no'} workspaces: give the id of one")
    return found[0]


def _holds_secret(settings: Settings, secret: str | None) -> bool:
    if settings.msg_client_secrets is None or not secret:
        return False
    given = secret.encode(errors="replace")
    known = _secrets(settings.msg_client_secrets.get_secret_value())
    return any(hmac.compare_digest(given, each) for each in known)


@lru_cache(maxsize=4)
def _secrets(configured: str) -> tuple[bytes, ...]:
    """`name:secret`, comma-separated; `Defect` for anything else, without quoting it."""
    found = []
    for place, entry in enumerate(configured.split(","), start=1):
        name, separator, secret = entry.strip().partition(":")
        if not (name and separator and secret):
            raise Defect(f"HELIOGRAPH_MSG_CLIENT_SECRETS: entry {place} is not name:secret")
        found.append(secret.encode())
    return tuple(found)
