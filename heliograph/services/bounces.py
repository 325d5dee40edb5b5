"""Addresses that are dead, or whose owners want no more: suppressed by what e-mail providers report."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from heliograph.db import bounces
from heliograph.db.bounces import HARD_BOUNCE, LostAddress
from heliograph.db.engine import Database
from heliograph.db.suppressions import OPT_OUT
from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import StatusReport

_REASONS: Final = {ErrorClass.RECIPIENT: HARD_BOUNCE, ErrorClass.OPT_OUT: OPT_OUT}


async def suppress_reported(
    database: Database, workspace_id: UUID, connector_id: UUID, reports: Sequence[StatusReport]
) -> None:
    """Suppresses the addresses of e-mails that bounced for good, or were complained about; committed when it returns.

    For reports that are stored already. Repeated, it changes nothing.
    """
    lost = [
        LostAddress(
            report.reference[0] if report.reference else None,
            report.provider_message_id,
            _REASONS[report.error.error_class],
            f"provider {report.error.code}",
        )
        for report in reports
        if report.error is not None and report.error.error_class in _REASONS
    ]
    if lost:
        async with database.transaction() as connection:
            await bounces.suppress(connection, workspace_id=workspace_id, connector_id=connector_id, lost=lost)
