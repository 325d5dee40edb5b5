"""Starting workflows, so that doing it twice is harmless: by the service after its commit, and by the dispatcher."""

from uuid import UUID

from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from heliograph.contracts import (
    CampaignInput,
    CampaignLaunch,
    ExportInput,
    ImportInput,
    Lane,
    ListenInput,
    PollingInput,
    WebhookInput,
    campaign_workflow_id,
    export_workflow_id,
    import_workflow_id,
    listen_workflow_id,
    polling_workflow_id,
    webhook_workflow_id,
)
from heliograph.db.connectors import Listening
from heliograph.db.waiting import Asked
from heliograph.temporal import search_attributes as attributes
from heliograph.temporal.details import plain

_LONGEST_SUMMARY = 200  # bytes, Temporal's limit of a static summary


async def start_campaign(client: Client, launch: CampaignLaunch) -> None:
    """Starts the run's workflow; one that is there, or has run to its end, is left alone.

    Temporal remembers closed workflows for its retention only. What keeps a run from being sent twice after that is
    the ledger: a message is claimed once, and a closed run claims nothing.
    """
    purpose = f"{launch.channel.value} · {launch.category.value}"
    summary = f"{plain(launch.campaign_name)} · {launch.source_rows} recipients · {purpose}"
    try:
        await client.start_workflow(
            "CampaignWorkflow",
            CampaignInput(workspace_id=launch.workspace_id, run_id=launch.run_id),
            id=campaign_workflow_id(launch.run_id),
            task_queue=Lane.CONTROL,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            priority=Priority(priority_key=3),
            static_summary=_fitting(summary),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.CAMPAIGN_ID, str(launch.campaign_id)),
                    SearchAttributePair(attributes.CAMPAIGN_NAME, launch.campaign_name),
                    SearchAttributePair(attributes.CAMPAIGN_STATUS, "SCHEDULED"),
                    SearchAttributePair(attributes.RUN_ID, str(launch.run_id)),
                    SearchAttributePair(attributes.WORKSPACE_ID, str(launch.workspace_id)),
                    SearchAttributePair(attributes.CHANNEL, launch.channel.value),
                    SearchAttributePair(attributes.CATEGORY, launch.category.value),
                    SearchAttributePair(attributes.WAVE_AT, launch.start_at),
                ]
            ),
        )
    except WorkflowAlreadyStartedError:
        return


async def start_import(client: Client, workspace_id: UUID, import_id: UUID) -> None:
    """Starts the import's workflow, or leaves the running one alone.

    An import that failed can be started again under its id; one that has ended does nothing when it is.
    """
    try:
        await client.start_workflow(
            "ImportWorkflow",
            ImportInput(workspace_id=workspace_id, import_id=import_id),
            id=import_workflow_id(import_id),
            task_queue=Lane.CONTROL,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary="audience import",
        )
    except WorkflowAlreadyStartedError:
        return


async def start_export(client: Client, workspace_id: UUID, export_id: UUID) -> None:
    """Starts the export's workflow, or leaves the running one alone; one that has ended does nothing when it is."""
    await client.start_workflow(
        "ExportWorkflow",
        ExportInput(workspace_id=workspace_id, export_id=export_id),
        id=export_workflow_id(export_id),
        task_queue=Lane.CONTROL,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary="export of a report",
    )


async def start_polling(client: Client, asked: Asked) -> None:
    """Starts the connector's polling, or wakes the one that runs when a direct message is due."""
    await client.start_workflow(
        "PollingWorkflow",
        PollingInput(workspace_id=asked.workspace_id, connector_id=asked.connector_id, provider=asked.provider),
        id=polling_workflow_id(asked.connector_id),
        task_queue=Lane.CONTROL,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        start_signal="look" if asked.urgent else None,
        static_summary=_fitting(f"polls {plain(asked.provider)}: messages without a final word"),
    )


async def start_listening(client: Client, connector: Listening) -> None:
    """Starts the listener of a connector, or leaves the running one alone."""
    await client.start_workflow(
        "ListenWorkflow",
        ListenInput(
            workspace_id=connector.workspace_id, connector_id=connector.connector_id, provider=connector.provider
        ),
        id=listen_workflow_id(connector.connector_id),
        task_queue=Lane.CONTROL,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=_fitting(f"listens to {plain(connector.provider)}: receipts and messages from people"),
    )


async def wake_webhook(client: Client, webhook_id: UUID) -> None:
    """Has the webhook's workflow tell what is queued; starts it if there is none."""
    await client.start_workflow(
        "WebhookWorkflow",
        WebhookInput(webhook_id=webhook_id),
        id=webhook_workflow_id(webhook_id),
        task_queue=Lane.CONTROL,
        start_signal="wake",
        static_summary="callbacks to a webhook",
    )


def _fitting(text: str) -> str:
    return text.encode()[:_LONGEST_SUMMARY].decode(errors="ignore")
