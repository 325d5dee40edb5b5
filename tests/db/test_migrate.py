from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from heliograph.db.engine import Database
from heliograph.db.tables import METADATA


async def test_the_migrated_schema_is_the_one_the_tables_describe(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
