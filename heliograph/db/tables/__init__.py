"""The tables (SQLModel). `METADATA` is the truth that migrations are held against."""

from heliograph.db.tables.audiences import Audience, AudienceImport, AudienceRow
from heliograph.db.tables.base import METADATA
from heliograph.db.tables.campaigns import Batch, Campaign, CampaignVersion, Run, RunCounter, Wave
from heliograph.db.tables.connectors import Connector, ConnectorWatch, Sender
from heliograph.db.tables.delivery_reports import DeliveryReport
from heliograph.db.tables.direct import DirectMessage
from heliograph.db.tables.exports import ReportExport
from heliograph.db.tables.inbound import InboundMessageRow, OptOutSettings
from heliograph.db.tables.messages import (
    Attempt,
    Message,
    Outbox,
    PacingBucket,
    Receipt,
    Suppression,
)
from heliograph.db.tables.metrics import MetricSeries
from heliograph.db.tables.parts import InboundPartRow, PartName
from heliograph.db.tables.routes import ConnectorCalls, ConnectorHealth, Route
from heliograph.db.tables.templates import Template, TemplateVersion
from heliograph.db.tables.webhooks import MessageCallback, RunCallback, Webhook, WebhookDelivery
from heliograph.db.tables.workspaces import ApiKey, AuditEntry, IdempotencyKey, Workspace

__all__ = [
    "METADATA",
    "ApiKey",
    "Attempt",
    "Audience",
    "AudienceImport",
    "AudienceRow",
    "AuditEntry",
    "Batch",
    "Campaign",
    "CampaignVersion",
    "Connector",
    "ConnectorCalls",
    "ConnectorHealth",
    "ConnectorWatch",
    "DeliveryReport",
    "DirectMessage",
    "IdempotencyKey",
    "InboundMessageRow",
    "InboundPartRow",
    "Message",
    "MessageCallback",
    "MetricSeries",
    "OptOutSettings",
    "Outbox",
    "PacingBucket",
    "PartName",
    "Receipt",
    "ReportExport",
    "Route",
    "Run",
    "RunCallback",
    "RunCounter",
    "Sender",
    "Suppression",
    "Template",
    "TemplateVersion",
    "Wave",
    "Webhook",
    "WebhookDelivery",
    "Workspace",
]
