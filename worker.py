"""The composition root of workers: `python worker.py --lanes otp,transactional,bulk,control`.

One process, one worker per lane it is given. `control` runs the workflows and their light activities; the other lanes
run nothing but sending, so that a blast cannot hold up a decision.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer
import uvloop
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from activities.campaigns import CampaignActivities
from activities.delivery_reports import DeliveryReportActivities
from activities.direct import DirectActivities
from activities.dispatch import DispatchActivities
from activities.exports import ExportActivities
from activities.imports import ImportActivities
from activities.listening import ListeningActivities
from activities.polling import PollingActivities
from activities.receipts import ReceiptActivities
from activities.sending import SendingActivities
from activities.sweeper import SweeperActivities
from activities.webhooks import WebhookActivities
from heliograph.contracts import (
    DELIVERY_REPORT_WORKFLOW_ID,
    DISPATCH_WORKFLOW_ID,
    SWEEPER_WORKFLOW_ID,
    WEBHOOKS_QUEUE,
    WEBHOOKS_WORKFLOW_ID,
    DirectInput,
    Lane,
    direct_workflow_id,
)
from heliograph.domain.vocabulary import Category
from heliograph.providers.registry import providers
from heliograph.rendering.cache import TemplateCache
from heliograph.services.connections import Connections
from heliograph.services.context import Services
from heliograph.services.metrics import counting, read_figures
from heliograph.services.opening import open_services
from heliograph.services.sending import SendingEngine
from heliograph.services.webhook_pump import WebhookPump
from heliograph.settings import Settings, settings
from heliograph.stack.collector import tune_collector
from heliograph.telemetry.figures import refresh_figures
from heliograph.telemetry.logs import configure_logging
from heliograph.telemetry.setup import start_telemetry
from heliograph.temporal.exit import leave
from workflows.campaign import CampaignWorkflow
from workflows.delivery_reports import DeliveryReportWorkflow
from workflows.direct import DirectWorkflow
from workflows.dispatch import DispatchWorkflow
from workflows.exports import ExportWorkflow
from workflows.imports import ImportWorkflow
from workflows.listening import ListenWorkflow
from workflows.polling import PollingWorkflow
from workflows.sweeper import SweeperWorkflow
from workflows.webhooks import WebhookWatchWorkflow, WebhookWorkflow

_log = logging.getLogger("worker")

WORKFLOWS = [
    CampaignWorkflow,
    DeliveryReportWorkflow,
    DirectWorkflow,
    DispatchWorkflow,
    ExportWorkflow,
    ImportWorkflow,
    ListenWorkflow,
    PollingWorkflow,
    SweeperWorkflow,
    WebhookWatchWorkflow,
    WebhookWorkflow,
]
ACTIVITIES_AT_A_TIME = {Lane.BULK: 5, Lane.TRANSACTIONAL: 9, Lane.OTP: 17, WEBHOOKS_QUEUE: 50}
"""Batches, and one that sends direct messages; pumps of webhooks."""
_GRACE = timedelta(seconds=40)
_HEARTBEAT_THROTTLE = timedelta(seconds=2)


def control_activities(services: Services, connections: Connections) -> list[Any]:
    """The activities of the lane `control`."""
    database, configured = services.database, services.settings
    campaigns = CampaignActivities(database, configured)
    receipts = ReceiptActivities(database, connections)
    return [
        campaigns.change_speed,
        campaigns.change_status,
        campaigns.close_run,
        campaigns.discard_queued,
        campaigns.freeze_run,
        campaigns.load_plan,
        campaigns.read_figures,
        campaigns.seconds_of_open_claims,
        campaigns.unfinished_ranges,
        receipts.poll_receipts,
        ExportActivities(database, configured).export_report,
        ImportActivities(database, configured).import_audience,
        ListeningActivities(connections).listen,
        PollingActivities(database, connections, configured).poll_connector,
        DeliveryReportActivities(database, configured).send_delivery_reports,
        DispatchActivities(database, services.temporal).dispatch_outbox,
        SweeperActivities(database, services.temporal, connections, configured).sweep,
    ]


@asynccontextmanager
async def webhook_activities(services: Services) -> AsyncIterator[WebhookActivities]:
    """With the pump of this process, whose connections close at the end."""
    pump = WebhookPump(services.database, services.key_ring, services.settings)
    try:
        yield WebhookActivities(services.database, services.temporal, pump)
    finally:
        await pump.aclose()


def build_worker(client: Client, lane: Lane | str, activities: list[Any]) -> Worker:
    """A worker of one lane, or of a queue that a lane has besides."""
    return Worker(
        client,
        task_queue=lane,
        workflows=WORKFLOWS if lane is Lane.CONTROL else [],
        activities=activities,
        max_concurrent_activities=ACTIVITIES_AT_A_TIME.get(lane, 100),
        graceful_shutdown_timeout=_GRACE,
        max_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
    )


async def start_standing_workflows(client: Client, configured: Settings) -> None:
    """Starts dispatcher, sweeper, watch over webhooks and senders of direct messages, or leaves running ones alone."""
    for category in Category:
        await client.start_workflow(
            DirectWorkflow.run,
            DirectInput(category=category),
            id=direct_workflow_id(category),
            task_queue=Lane.CONTROL,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"sends direct messages of the category {category.value}",
        )
    standing: list[tuple[Any, str, str]] = [
        (DispatchWorkflow, DISPATCH_WORKFLOW_ID, "tells what commits left in the outbox"),
        (SweeperWorkflow, SWEEPER_WORKFLOW_ID, "settles what crashes leave behind"),
        (WebhookWatchWorkflow, WEBHOOKS_WORKFLOW_ID, "wakes webhooks that have something to tell"),
    ]
    if configured.delivery_report_broker is not None:
        reports = (DeliveryReportWorkflow, DELIVERY_REPORT_WORKFLOW_ID, "tells the message broker how messages ended")
        standing.append(reports)
    for workflow, workflow_id, summary in standing:
        await client.start_workflow(
            workflow.run,
            id=workflow_id,
            task_queue=Lane.CONTROL,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=summary,
        )


async def run(lanes: list[Lane]) -> None:
    """Works until SIGTERM or SIGINT, then stops claiming, finishes what is in flight and records it."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    configured = settings()
    async with AsyncExitStack() as doors:
        services = await doors.enter_async_context(open_services(configured, application=f"worker {','.join(lanes)}"))
        await doors.enter_async_context(counting(services.database, configured))
        connections = services.connections
        if set(lanes) - {Lane.CONTROL}:
            providers()  # their libraries take seconds to load: before the first message, not in it
            engine = SendingEngine(services.database, connections, TemplateCache(), configured)
            await doors.enter_async_context(engine.running())
            sending, direct = SendingActivities(engine), DirectActivities(engine)
        for lane in lanes:
            if lane is Lane.CONTROL:
                activities = control_activities(services, connections)
                webhooks = await doors.enter_async_context(webhook_activities(services))
                activities.append(webhooks.watch_webhooks)
                pumps = build_worker(services.temporal, WEBHOOKS_QUEUE, [webhooks.tell_webhook])
                await doors.enter_async_context(pumps)
                await start_standing_workflows(services.temporal, configured)
                await doors.enter_async_context(refresh_figures(lambda: read_figures(services.database, configured)))
            else:
                activities = [sending.send_batch, direct.send_direct]
            await doors.enter_async_context(build_worker(services.temporal, lane, activities))
        tune_collector()
        _log.info("working on %s", ", ".join(lanes))
        await stop.wait()
        _log.info("stopping: what is in flight is finished and recorded")
    # The SDK's threads need a moment after its workers closed (see heliograph/temporal/exit.py).
    await asyncio.sleep(0.5)


def main(lanes: Annotated[str, typer.Option(help="Comma-separated: otp, transactional, bulk, control.")]) -> None:
    """Runs a worker process."""
    configured = settings()
    configure_logging("worker", configured)
    with start_telemetry("worker"):
        uvloop.run(run([Lane(lane.strip()) for lane in lanes.split(",")]))
    leave(0)


if __name__ == "__main__":
    typer.run(main)
