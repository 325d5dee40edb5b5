"""Brings a database to the present schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x48454C494F  # "HELIO": only one process migrates at a time


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for a live connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    command.upgrade(alembic_config(connection), "head")


async def migrate(url: str) -> None:
    """Applies every migration that is missing, in one transaction; a second caller waits for the first."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _missing(connection: Connection) -> list[str]:
    present = MigrationContext.configure(connection).get_current_heads()
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    return [script.revision for script in scripts.iterate_revisions("heads", present or "base")]


async def missing_migrations(url: str) -> list[str]:
    """The migrations that the database does not have yet, newest first."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_missing)
    finally:
        await engine.dispose()
