"""How Temporal carries traces, and how its activities' log lines get their ids (docs/adr: tracing).

The stable `TracingInterceptor` is used: workflow code holds no tracer and no open span, only headers are added,
so a history recorded with tracing replays without it and the other way round.
"""

from typing import Any

from opentelemetry import trace
from temporalio import activity
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.client import OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from heliograph.contracts import DISPATCH_WORKFLOW_ID, SWEEPER_WORKFLOW_ID
from heliograph.telemetry.logs import log_context
from heliograph.telemetry.tracing import tracer, untraced

PERPETUAL = frozenset({DISPATCH_WORKFLOW_ID, SWEEPER_WORKFLOW_ID})
"""Workflows that never end: one trace for all their rounds would be of no use to anybody."""


def temporal_interceptors() -> list[ClientInterceptor | WorkerInterceptor]:
    """For the plugin, outermost first. Call it after `start_telemetry`."""
    present = tracer()
    if present is None:
        return [ActivityLogInterceptor()]
    return [_PerpetualInterceptor(), TracingInterceptor(present), ActivityLogInterceptor()]


class ActivityLogInterceptor(WorkerInterceptor):
    """Log lines and the span of an activity say for which workspace and run it works, and which try it is."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wraps the chain."""
        return _ActivityLog(next)


class _ActivityLog(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        argument = input.args[0] if input.args else None
        ids = {
            name: str(value)
            for name in ("workspace_id", "run_id", "import_id")
            if (value := getattr(argument, name, None)) is not None
        }
        current = trace.get_current_span()
        if current.is_recording():
            info = activity.info()
            current.set_attributes({f"heliograph.{name}": value for name, value in ids.items()})
            current.set_attributes({"heliograph.lane": info.task_queue, "heliograph.attempt": info.attempt})
        with log_context(**ids):
            return await super().execute_activity(input)


class _PerpetualInterceptor(ClientInterceptor):
    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _PerpetualOutbound(next)


class _PerpetualOutbound(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        if input.id.partition("/")[0] not in PERPETUAL:
            return await super().start_workflow(input)
        with untraced():
            return await super().start_workflow(input)
