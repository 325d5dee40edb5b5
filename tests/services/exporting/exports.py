"""Exports that tests carry out themselves, and what came of them."""

import csv
from pathlib import Path
from typing import Any
from uuid import UUID

from heliograph.db.engine import Database
from heliograph.db.tables import ReportExport
from heliograph.services.exporting.file import export_path
from heliograph.settings import Settings


async def make_export(database: Database, workspace_id: UUID, **filters: Any) -> ReportExport:
    """An export as a request leaves it, with nothing to start its workflow."""
    record = ReportExport(workspace_id=workspace_id, filters=filters)
    async with database.unit_of_work() as session:
        session.add(record)
    return record


async def reread(database: Database, export_id: UUID) -> ReportExport:
    """The export as committed."""
    async with database.unit_of_work() as session:
        found = await session.get(ReportExport, export_id)
    assert found is not None
    return found


def exported(path: Path) -> list[dict[str, str]]:
    """The rows of a file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def exported_by(settings: Settings, export_id: UUID) -> list[dict[str, str]]:
    """The rows that an export has written."""
    return exported(export_path(settings, export_id))
