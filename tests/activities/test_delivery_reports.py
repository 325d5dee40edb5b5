"""The activity that tells the message broker: what an operator sees of it while the broker is away."""

import asyncio

from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.delivery_reports import DeliveryReportActivities
from heliograph.db.engine import Database
from heliograph.settings import Settings
from heliograph.stack.ports import free_port


async def test_the_heartbeat_names_the_trouble_with_a_broker_that_is_away(database: Database) -> None:
    settings = Settings(delivery_report_broker=SecretStr(f"stomp://user:a-password@127.0.0.1:{free_port()}"))
    environment, troubles = ActivityEnvironment(), list[str]()

    def beat(latest: dict[str, int | str]) -> None:
        if "trouble" in latest:
            troubles.append(str(latest["trouble"]))
            environment.worker_shutdown()

    environment.on_heartbeat = beat
    async with asyncio.timeout(30):
        await environment.run(DeliveryReportActivities(database, settings).send_delivery_reports)
    assert troubles
    assert "a-password" not in troubles[0]
