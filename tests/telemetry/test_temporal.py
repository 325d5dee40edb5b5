"""One trace goes from the request through outbox and workflow to the call; histories do not depend on tracing."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, Worker

import heliograph.temporal.client
from heliograph.contracts import DISPATCH_WORKFLOW_ID
from heliograph.secrets import KeyRing
from heliograph.settings import Settings
from heliograph.telemetry.setup import start_telemetry
from heliograph.telemetry.tracing import continued, current_traceparent, span
from heliograph.temporal.plugin import HeliographPlugin
from tests.telemetry.conftest import Collector, Watched
from tests.telemetry.traced_workflow import TracedInput, TracedWorkflow, send_one

pytestmark = pytest.mark.timeout(30)


async def connect(temporal_server: str, key_ring: KeyRing) -> Client:
    return await Client.connect(temporal_server, plugins=[HeliographPlugin(key_ring)])


async def run_traced(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """Runs the workflow from start to end; the histories of its two runs, first to last."""
    queue = f"traced-{uuid4()}"
    given = TracedInput(workspace_id=uuid4(), run_id=uuid4())
    async with Worker(client, task_queue=queue, workflows=[TracedWorkflow], activities=[send_one]):
        handle = await client.start_workflow(TracedWorkflow.run, given, id=workflow_id, task_queue=queue)
        first = handle.first_execution_run_id
        latest = client.get_workflow_handle(workflow_id)
        while (await latest.describe()).run_id == first:  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.01)
        await latest.execute_update(TracedWorkflow.go)
        await handle.result()
    histories = [await client.get_workflow_handle(workflow_id, run_id=first).fetch_history()]
    histories.append(await client.get_workflow_handle(workflow_id).fetch_history())
    return histories


def names(spans: Sequence[ReadableSpan]) -> list[str]:
    return [each.name for each in spans]


async def test_a_trace_goes_from_the_request_through_outbox_and_workflow_to_the_call(
    watched: Watched, temporal_server: str, key_ring: KeyRing
) -> None:
    with span("POST /v1/campaigns/{id}/launch") as request:
        stored = current_traceparent()
    client = await connect(temporal_server, key_ring)
    with continued(stored):
        await run_traced(client, f"traced/{uuid4()}")
    trace_id = request.get_span_context().trace_id
    ours = [each for each in watched.spans() if each.context and each.context.trace_id == trace_id]
    by_id = {each.context.span_id: each for each in ours if each.context}
    call = next(each for each in ours if each.name == "send twilio")
    path = [call]
    while path[-1].parent is not None:
        path.append(by_id[path[-1].parent.span_id])
    assert names(path) == [
        "send twilio",
        "RunActivity:send_one",
        "StartActivity:send_one",
        "StartWorkflow:TracedWorkflow",
        "POST /v1/campaigns/{id}/launch",
    ]
    assert names(ours).count("RunWorkflow:TracedWorkflow") == 2, "the run that continued as new is in the same trace"
    assert names(ours).count("RunActivity:send_one") == 2, "each activity once: no interceptor is installed twice"
    activity_span = path[1]
    assert activity_span.attributes is not None
    assert activity_span.attributes["heliograph.attempt"] == 1
    assert "heliograph.run_id" in activity_span.attributes
    assert watched.points("heliograph.provider.request.duration")


async def test_histories_replay_whether_or_not_tracing_is_on(temporal_server: str, key_ring: KeyRing) -> None:
    async def replay(histories: list[WorkflowHistory]) -> None:
        replayer = Replayer(workflows=[TracedWorkflow], plugins=[HeliographPlugin(key_ring)])
        for history in histories:
            await replayer.replay_workflow(history)

    plain = await run_traced(await connect(temporal_server, key_ring), f"traced/{uuid4()}")
    extras = {"extra_span_exporters": [InMemorySpanExporter()], "extra_metric_readers": [InMemoryMetricReader()]}
    with start_telemetry("test", **extras):  # type: ignore[arg-type]
        with span("request"):
            traced = await run_traced(await connect(temporal_server, key_ring), f"traced/{uuid4()}")
        await replay(plain)
        await replay(traced)
    await replay(plain)
    await replay(traced)
    assert [event_types(history) for history in plain] == [event_types(history) for history in traced]


def event_types(history: WorkflowHistory) -> list[int]:
    """What happened, without workflow tasks: how many there are depends on time."""
    return [
        event.event_type
        for event in history.events
        if not event.HasField("workflow_task_scheduled_event_attributes")
        and not event.HasField("workflow_task_started_event_attributes")
        and not event.HasField("workflow_task_completed_event_attributes")
    ]


async def test_workflows_that_live_for_ever_are_not_one_endless_trace(
    watched: Watched, temporal_server: str, key_ring: KeyRing
) -> None:
    client = await connect(temporal_server, key_ring)
    await run_traced(client, f"{DISPATCH_WORKFLOW_ID}/{uuid4()}")
    assert not [
        name
        for name in names(watched.spans())
        if name.startswith(("Run", "Start")) and not name.startswith("StartWorkflowUpdate")
    ]


async def test_temporals_own_metrics_go_to_the_same_collector(
    monkeypatch: pytest.MonkeyPatch, collector: Collector, temporal_server: str, key_ring: KeyRing
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    with start_telemetry("worker") as telemetry:
        assert telemetry.runtime is not None
        client = await heliograph.temporal.client.connect(Settings(TEMPORAL_ADDRESS=temporal_server), key_ring)
        await run_traced(client, f"traced/{uuid4()}")
        for _ in range(100):
            if "temporal_workflow_completed" in collector.metric_names():
                break
            await asyncio.sleep(0.05)
    assert "temporal_activity_schedule_to_start_latency" in collector.metric_names()
