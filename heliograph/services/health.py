"""The health of connectors: judged every few seconds by the calls of the last minute."""

import logging
from datetime import UTC, datetime

from heliograph.db import routes
from heliograph.db.engine import Database
from heliograph.domain.health import WINDOW, HealthState, judge

_log = logging.getLogger(__name__)


async def judge_connectors(database: Database) -> int:
    """Shuts connectors in trouble, lets those come back whose pause is over; how many changed."""
    changed = 0
    async with database.transaction() as connection:
        for each in await routes.observe(connection, WINDOW):
            after = judge(each.health, each.window, datetime.now(UTC))
            if after is each.health:
                continue
            changed += 1
            await routes.save_health(connection, each.workspace_id, each.connector_id, after)
            level = logging.WARNING if after.state is HealthState.SHUT else logging.INFO
            _log.log(level, "connector %s is %s %s", each.connector_id, after.state.value, after.reason)
    return changed
