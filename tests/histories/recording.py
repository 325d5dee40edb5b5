"""Records the histories: runs each scenario on a whole stack and keeps what Temporal wrote down."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import WorkflowHistory

from heliograph.cli.audience import import_file
from heliograph.contracts import (
    DELIVERY_REPORT_WORKFLOW_ID,
    DISPATCH_WORKFLOW_ID,
    SWEEPER_WORKFLOW_ID,
    WEBHOOKS_WORKFLOW_ID,
    campaign_workflow_id,
    export_workflow_id,
    import_workflow_id,
    listen_workflow_id,
    polling_workflow_id,
    webhook_workflow_id,
)
from heliograph.db.tables.base import now
from heliograph.domain.communications import CommunicationFilters
from heliograph.domain.vocabulary import RunStatus, Schedule
from heliograph.domain.webhooks import WebhookKind, WebhookStrategy
from heliograph.services import connectors, exports, webhooks
from heliograph.services.imports import ImportOptions
from heliograph.simulator.script import AccountScript, Fixed, Receipts, Script
from heliograph.stack.ports import free_port
from heliograph.stack.temporal_server import temporal_command
from tests.campaigns.polled import rehearse_polled
from tests.campaigns.rehearsal import Rehearsal
from tests.campaigns.routes import SMPP
from tests.campaigns.stage import SHORT_TIMES, Stage, open_stage
from tests.histories.scenarios import MASTER_KEYS, path_of
from tests.services.webhook_receiver import open_webhook_receiver

_ENVIRONMENT = {
    **SHORT_TIMES,
    "HELIOGRAPH_MASTER_KEYS": MASTER_KEYS,
    "HELIOGRAPH_DELIVERY_REPORT_BROKER": "stomp://127.0.0.1:1",  # nobody listens: its workflow waits for it
}
_SLOW = Script(latency=Fixed(seconds=0.1))
_FALLS_ASLEEP_SECONDS = 8.0
"""A pump lingers for five."""
_SHORT_HISTORY = 40
"""Events after which Temporal suggests to continue as new; 4,096 in life."""


async def record_all() -> None:
    """Writes every scenario anew."""
    with TemporaryDirectory() as directory:
        async with open_stage(Path(directory) / "stack", _ENVIRONMENT) as stage:
            await _record_campaigns(stage)
            await _record_import(stage, Path(directory))
            await record_export(stage)
            await record_webhook(stage)
            await _record_polling(stage)
            await record_listening(stage)
            await _record_standing(stage)
    with TemporaryDirectory() as directory:
        async with _impatient_stage(Path(directory)) as stage:
            await _record_continued(stage)


async def _record_campaigns(stage: Stage) -> None:
    await stage.follow(Script())
    plain = await stage.rehearse(2_000)
    await plain.launch()
    await _keep("campaign/plain", plain)

    await stage.follow(_SLOW)
    paused = await stage.rehearse(2_000)
    await paused.launch()
    await paused.until_accepted(100)
    await paused.pause()
    await paused.resume()
    await _keep("campaign/paused_and_resumed", paused)

    stopped = await stage.rehearse(2_000)
    await stopped.launch()
    await stopped.until_accepted(100)
    await stopped.stop()
    await _keep("campaign/stopped", stopped)

    changed = await stage.rehearse(1_000, messages_per_second=20)
    await changed.launch()
    await changed.until_accepted(10)
    await changed.change_speed(None)
    await _keep("campaign/speed_changed", changed)

    itself = await stage.rehearse(1_000)
    await stage.follow(Script(accounts={itself.account_sid: AccountScript(status="suspended")}))
    await itself.launch()
    await itself.until_status(RunStatus.PAUSED)
    await stage.follow(Script())
    await itself.resume()
    await _keep("campaign/paused_itself", itself)

    waited = await stage.rehearse(100, schedule=Schedule.AT_FIXED_TIME, send_at=now() + timedelta(seconds=3))
    await waited.launch()
    await waited.pause()
    await waited.resume()
    await _keep("campaign/waited_for_its_time", waited)

    await stage.follow(Script(receipts=Receipts(lost=1, to_final=Fixed(seconds=4))))
    polled = await stage.rehearse(100)
    await polled.launch()
    await _keep("campaign/polled", polled)


async def _record_import(stage: Stage, directory: Path) -> None:
    file = directory / "customers.csv"
    rows = "".join(f"+1415555{number:04d},Name {number}\n" for number in range(500))
    await asyncio.to_thread(file.write_text, f"phone,first_name\n{rows}not a number,Nobody\n")
    imported = await import_file(stage.services, stage.owner, file, ImportOptions(region="US"), quiet=True)
    handle = stage.services.temporal.get_workflow_handle(import_workflow_id(imported.record.id))
    await handle.result()
    _write("import/plain", await handle.fetch_history())


async def record_export(stage: Stage) -> None:
    """The report of one campaign, written into a file."""
    await stage.follow(Script())
    rehearsal = await stage.rehearse(500)
    await rehearsal.launch()
    await rehearsal.proven()
    export = await exports.start_export(stage.services, rehearsal.actor, CommunicationFilters(address="+14155550100"))
    handle = stage.services.temporal.get_workflow_handle(export_workflow_id(export.id))
    await handle.result()
    _write("export/plain", await handle.fetch_history())


async def record_webhook(stage: Stage) -> None:
    """A webhook that fails, tells everything, falls asleep, and is deleted."""
    await stage.follow(Script())
    async with open_webhook_receiver() as receiver:
        receiver.decide = lambda _: 503
        rehearsal = await stage.rehearse(100)
        made = await webhooks.create_webhook(
            stage.services,
            rehearsal.actor,
            url=receiver.url,
            kinds=[WebhookKind.MESSAGE],
            strategy=WebhookStrategy.ON_COMPLETION,
        )
        await rehearsal.launch()
        await receiver.until(lambda: bool(receiver.seen))
        receiver.decide = lambda _: 200
        await receiver.until(lambda: len(receiver.taken) == 100)
    handle = stage.services.temporal.get_workflow_handle(webhook_workflow_id(made.webhook.id))
    await asyncio.sleep(_FALLS_ASLEEP_SECONDS)
    _write("webhook/told", await handle.fetch_history())
    await webhooks.delete_webhook(stage.services, rehearsal.actor, made.webhook.id)
    await handle.result()
    _write("webhook/deleted", await handle.fetch_history())


async def _record_polling(stage: Stage) -> None:
    await stage.follow(Script(receipts=Receipts(to_final=Fixed(seconds=6))))
    rehearsal = await rehearse_polled(stage)
    await rehearsal.queue(20)
    await rehearsal.until(delivered=20)
    handle = stage.services.temporal.get_workflow_handle(polling_workflow_id(rehearsal.connector_id))
    await handle.result()
    _write("polling/until_nothing_is_awaited", await handle.fetch_history())


async def record_listening(stage: Stage) -> None:
    """The second round begins with a new worker; it ends when the connector is deleted."""
    rehearsal = await stage.rehearse(1, through=SMPP)
    made = await connectors.list_connectors(stage.services, rehearsal.actor)
    (connector,) = [each for each in made if each.provider == SMPP.provider]
    handle = stage.services.temporal.get_workflow_handle(listen_workflow_id(connector.id))
    await asyncio.sleep(3)  # a round of the sweeper starts it
    await stage.stack.stop("worker-control")
    await stage.stack.start("worker-control")
    await asyncio.sleep(2)
    await connectors.delete_connector(stage.services, rehearsal.actor, connector.id)
    await handle.result()
    _write("listen/until_deleted", await handle.fetch_history())


async def _record_standing(stage: Stage) -> None:
    """The rounds of dispatcher and sweeper take minutes; a worker that stops ends them early."""
    await stage.stack.stop("worker-control")
    await stage.stack.start("worker-control")
    await asyncio.sleep(2)
    for scenario, workflow_id in (
        ("delivery_reports/one_round", DELIVERY_REPORT_WORKFLOW_ID),
        ("dispatch/one_round", DISPATCH_WORKFLOW_ID),
        ("sweeper/one_round", SWEEPER_WORKFLOW_ID),
        ("webhooks/one_round", WEBHOOKS_WORKFLOW_ID),
    ):
        _write(scenario, await stage.services.temporal.get_workflow_handle(workflow_id).fetch_history())


async def _record_continued(stage: Stage) -> None:
    await stage.follow(_SLOW)
    rehearsal = await stage.rehearse(12_000)
    await rehearsal.launch()
    await rehearsal.until_accepted(500)
    await rehearsal.pause()
    await rehearsal.resume()
    await rehearsal.proven()
    temporal = stage.services.temporal
    workflow_id = campaign_workflow_id((await rehearsal.run())["id"])
    handle = temporal.get_workflow_handle(workflow_id)
    await handle.result()
    last = first = await handle.fetch_history()
    while previous := first.events[0].workflow_execution_started_event_attributes.continued_execution_run_id:
        first = await temporal.get_workflow_handle(workflow_id, run_id=previous).fetch_history()
    assert first is not last, "the run did not continue as new"
    _write("campaign/continued_as_new_first", first)
    _write("campaign/continued_as_new_last", last)


async def _keep(scenario: str, rehearsal: Rehearsal) -> None:
    """A history is worth keeping when the books of its run balance."""
    await rehearsal.proven()
    handle = rehearsal.services.temporal.get_workflow_handle(campaign_workflow_id((await rehearsal.run())["id"]))
    await handle.result()
    _write(scenario, await handle.fetch_history())


def _write(scenario: str, history: WorkflowHistory) -> None:
    path = path_of(scenario)
    path.parent.mkdir(exist_ok=True)
    path.write_text(history.to_json() + "\n")


@asynccontextmanager
async def _impatient_stage(directory: Path) -> AsyncIterator[Stage]:
    """A stack on a Temporal server that soon suggests to continue as new."""
    port = free_port()
    with _temporal(directory, port):
        environment = {**_ENVIRONMENT, "TEMPORAL_ADDRESS": f"127.0.0.1:{port}"}
        async with open_stage(directory / "stack", environment) as stage:
            yield stage


@contextmanager
def _temporal(directory: Path, port: int) -> Iterator[None]:
    command = [
        *temporal_command(file=directory / "temporal.db", port=port, ui_port=free_port()),
        *("--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={_SHORT_HISTORY}"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
