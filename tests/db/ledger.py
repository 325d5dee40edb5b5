"""A workspace with a run of n recipients, as a launch leaves it."""

from datetime import timedelta

from bench.ledger_seed import SeededRun as Seeded
from bench.ledger_seed import seed_run as seed_empty_run
from heliograph.db.engine import Database
from heliograph.db.freeze import freeze_chunk
from heliograph.domain.vocabulary import Category, RunStatus

__all__ = ["Seeded", "seed_run"]


async def seed_run(
    database: Database,
    recipients: int,
    *,
    body: str = "Hello",
    status: RunStatus = RunStatus.ACTIVE,
    category: Category = Category.PROMOTIONAL,
    duplicates: int = 0,
    in_doubt_limit: int = 1_000,
    expires_in: timedelta = timedelta(hours=1),
    freeze: bool = True,
) -> Seeded:
    """Makes everything a run points at. The last `duplicates` rows repeat the first ones' addresses."""
    run = await seed_empty_run(
        database,
        category=category,
        body=body,
        status=status,
        source_rows=recipients,
        frozen=False,
        in_doubt_limit=in_doubt_limit,
        expires_in=expires_in,
    )
    unique = recipients - duplicates
    await database.pool.execute(
        """
        INSERT INTO audience_row (audience_id, number, workspace_id, address, region, duplicate_of, variables)
        SELECT $1, n, $2, '+1415' || lpad(((n - 1) % $4 + 1)::text, 7, '0'), 'US', CASE WHEN n > $4 THEN n - $4 END,
            jsonb_build_object('first_name', 'Name ' || n)
        FROM generate_series(1::bigint, $3::bigint) AS n
        """,
        run.audience_id,
        run.workspace_id,
        recipients,
        unique,
    )
    if freeze:
        while not (await freeze_chunk(database, run.run_id)).done:
            pass
    return run
