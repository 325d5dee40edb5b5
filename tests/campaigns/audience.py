"""Audiences by the thousand, written straight into the tables: these tests are not about imports."""

from uuid import UUID

from heliograph.db.engine import Database
from heliograph.db.tables import Audience


async def seed_audience(
    database: Database,
    workspace_id: UUID,
    recipients: int,
    *,
    prefix: str,
    duplicates: int = 0,
    without_name: int = 0,
) -> UUID:
    """`recipients` rows numbered from 1, addresses `prefix` and seven digits.

    The last `duplicates` rows repeat the first ones' addresses; the first `without_name` rows lack the variable
    `first_name`.
    """
    audience = Audience(
        workspace_id=workspace_id,
        name="Everybody",
        columns=["first_name"],
        row_count=recipients,
        duplicate_count=duplicates,
    )
    async with database.unit_of_work() as session:
        session.add(audience)
    await database.pool.execute(
        """
        INSERT INTO audience_row (audience_id, number, workspace_id, address, region, duplicate_of, variables)
        SELECT $1, n, $2, $5 || lpad(((n - 1) % $4 + 1)::text, 7, '0'), 'US', CASE WHEN n > $4 THEN n - $4 END,
            CASE WHEN n > $6 THEN jsonb_build_object('first_name', 'Name ' || n) ELSE '{}' END
        FROM generate_series(1::bigint, $3::bigint) AS n
        """,
        audience.id,
        workspace_id,
        recipients,
        recipients - duplicates,
        prefix,
        without_name,
    )
    return audience.id
