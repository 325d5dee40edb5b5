"""The realistic audience: the same for the same seed, and exactly as bad as it says."""

from pathlib import Path

from heliograph.db.engine import Database
from heliograph.db.tables import Workspace
from heliograph.simulator.audience_file import write_audience
from tests.services.importing.files import prepare_import


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_audience(tmp_path / name, 500, seed=5, bad_rows=20, duplicates=10)
    write_audience(tmp_path / "other", 500, seed=6, bad_rows=20, duplicates=10)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() != (tmp_path / "other").read_bytes()


async def test_it_holds_as_many_bad_rows_and_duplicates_as_asked(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    written = write_audience(tmp_path / "a.csv", 3_000, seed=2, bad_rows=110, duplicates=70)
    prepared = await prepare_import(database, workspace, written.path, region=None)
    outcome = await prepared.run()
    assert (outcome.rows_added, outcome.rows_rejected, outcome.duplicates) == (2_890, 110, 70)
    assert len((await prepared.ledger())["reasons"]) >= 7
