"""Who works on a lane, as the Temporal server sees it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from heliograph.contracts import Lane

_TYPES = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
_CALL_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Poller:
    """A worker process. The server remembers it for five minutes after its last call."""

    identity: str  # the SDK's own: "<process id>@<host>"
    last_seen: datetime

    def is_process(self, pid: int) -> bool:
        """Whether the identity names this process."""
        return self.identity.partition("@")[0] == str(pid)


async def pollers(client: Client, lane: Lane) -> list[Poller]:
    """Everyone who asked for workflow or activity tasks of the lane lately."""
    answers = await asyncio.gather(
        *(
            client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace, task_queue=TaskQueue(name=lane.value), task_queue_type=kind
                ),
                timeout=_CALL_TIMEOUT,
            )
            for kind in _TYPES
        )
    )
    return [
        Poller(poller.identity, poller.last_access_time.ToDatetime(tzinfo=UTC))
        for answer in answers
        for poller in answer.pollers
    ]
