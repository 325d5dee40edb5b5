"""The first workspace, and the key to it, when there is none yet."""

from pathlib import Path

from heliograph.db.engine import open_database
from heliograph.services.workspaces import bootstrap
from heliograph.settings import Settings

API_KEY_FILE = "api-key"


async def make_first_workspace(settings: Settings) -> str | None:
    """Makes the workspace and its owner's API key; the key, or None when there is a workspace already."""
    assert settings.database_url is not None
    async with open_database(settings.database_url, pool_size=1, application="heliograph bootstrap") as database:
        return await bootstrap(database)


async def bootstrap_first_workspace(settings: Settings) -> Path | None:
    """The same, with the key kept in the data directory; where it was written, or None."""
    key = await make_first_workspace(settings)
    if key is None:
        return None
    path = settings.data_dir / API_KEY_FILE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{key}\n")
    return path
