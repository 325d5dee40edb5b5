"""first schema"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from heliograph.db.views import DROP_VIEWS, VIEWS

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


ENUMS = {
    "workspace_mode": postgresql.ENUM("live", "test", name="workspace_mode", create_type=False),
    "role": postgresql.ENUM(
        "owner", "admin", "approver", "marketer", "developer", "viewer", name="role", create_type=False
    ),
    "campaign_status": postgresql.ENUM(
        "DRAFT",
        "UNDER_REVIEW",
        "REJECTED",
        "SCHEDULED",
        "ACTIVE",
        "PAUSED",
        "COMPLETED",
        "STOPPED",
        "UNBALANCED",
        "ARCHIVED",
        name="campaign_status",
        create_type=False,
    ),
    "delivery_type": postgresql.ENUM(
        "ONE_TIME", "PERIODIC", "EVENT_TRIGGERED", name="delivery_type", create_type=False
    ),
    "channel": postgresql.ENUM("sms", "email", name="channel", create_type=False),
    "category": postgresql.ENUM("transactional", "otp", "promotional", name="category", create_type=False),
    "export_status": postgresql.ENUM("running", "completed", "expired", name="export_status", create_type=False),
    "webhook_strategy": postgresql.ENUM("on-change", "on-completion", name="webhook_strategy", create_type=False),
    "import_status": postgresql.ENUM("running", "completed", "failed", name="import_status", create_type=False),
    "health_state": postgresql.ENUM("healthy", "shut", "recovering", name="health_state", create_type=False),
    "message_state": postgresql.ENUM(
        "queued",
        "claimed",
        "in_doubt",
        "accepted",
        "sent",
        "delivered",
        "undelivered",
        "failed",
        "rejected",
        "unconfirmed",
        "unknown",
        "invalid",
        "suppressed",
        "no_consent",
        "capped",
        "control",
        "duplicate",
        "expired",
        "cancelled",
        name="message_state",
        create_type=False,
    ),
    "error_class": postgresql.ENUM(
        "auth",
        "account",
        "rate_limited",
        "not_processed",
        "unknown_outcome",
        "recipient",
        "opt_out",
        "sender",
        "content",
        "delivery",
        "other",
        name="error_class",
        create_type=False,
    ),
    "missing_variable": postgresql.ENUM("refuse", "fallback", name="missing_variable", create_type=False),
    "webhook_kind": postgresql.ENUM("message", "campaign", name="webhook_kind", create_type=False),
    "run_status": postgresql.ENUM(
        "SCHEDULED",
        "ACTIVE",
        "PAUSED",
        "STOPPING",
        "COMPLETED",
        "STOPPED",
        "UNBALANCED",
        name="run_status",
        create_type=False,
    ),
    "direct_step": postgresql.ENUM("send", "settle", "decide", "await", name="direct_step", create_type=False),
}


def upgrade() -> None:
    for enum in ENUMS.values():
        enum.create(op.get_bind())
    op.create_table(
        "metric_series",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("buckets", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name=op.f("pk_metric_series")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("traceparent", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "pacing_bucket",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("arrival", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pacing_bucket")),
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mode", ENUMS["workspace_mode"], nullable=False),
        sa.Column("default_region", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", ENUMS["role"], nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_api_key_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_api_key_workspace_id_id")),
    )
    op.create_index(op.f("ix_api_key_workspace_id"), "api_key", ["workspace_id"], unique=False)
    op.create_table(
        "audience",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("default_region", sa.String(), nullable=True),
        sa.Column("columns", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_count", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_audience_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_audience_workspace_id_id")),
    )
    op.create_index(op.f("ix_audience_workspace_id"), "audience", ["workspace_id"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("noun", sa.String(), nullable=False),
        sa.Column("noun_id", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_audit_entry_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_page", "audit_entry", ["workspace_id", "id"], unique=False)
    op.create_index(op.f("ix_audit_entry_workspace_id"), "audit_entry", ["workspace_id"], unique=False)
    op.create_table(
        "campaign",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", ENUMS["campaign_status"], nullable=False),
        sa.Column("delivery_type", ENUMS["delivery_type"], nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("category", ENUMS["category"], nullable=False),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_campaign_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_campaign_workspace_id_id")),
    )
    op.create_index("ix_campaign_page", "campaign", ["workspace_id", "id"], unique=False)
    op.create_index(op.f("ix_campaign_workspace_id"), "campaign", ["workspace_id"], unique=False)
    op.create_table(
        "connector",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("configuration", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed_credentials", sa.LargeBinary(), nullable=True),
        sa.Column("credentials_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("callback_token", sa.String(), nullable=False),
        sa.Column("messages_per_second", sa.Float(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_connector_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector")),
        sa.UniqueConstraint("callback_token", name=op.f("uq_connector_callback_token")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_connector_workspace_id_id")),
    )
    op.create_index(op.f("ix_connector_workspace_id"), "connector", ["workspace_id"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("noun_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_idempotency_key_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "opt_out_settings",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_opt_out_settings_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_opt_out_settings")),
    )
    op.create_table(
        "report_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("status", ENUMS["export_status"], nullable=False),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Uuid(), nullable=True),
        sa.Column("rows_written", sa.BigInteger(), nullable=False),
        sa.Column("rows_examined", sa.BigInteger(), nullable=False),
        sa.Column("rows_to_examine", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_report_export_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_export")),
    )
    op.create_index(
        "ix_report_export_expires_at",
        "report_export",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'completed'"),
    )
    op.create_index("ix_report_export_page", "report_export", ["workspace_id", "id"], unique=False)
    op.create_index(
        "ix_report_export_running",
        "report_export",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(op.f("ix_report_export_workspace_id"), "report_export", ["workspace_id"], unique=False)
    op.create_table(
        "template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_template_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_template_workspace_id_id")),
    )
    op.create_index(op.f("ix_template_workspace_id"), "template", ["workspace_id"], unique=False)
    op.create_table(
        "webhook",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("strategy", ENUMS["webhook_strategy"], nullable=False),
        sa.Column("by_request", sa.Boolean(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("earlier_secret", sa.LargeBinary(), nullable=True),
        sa.Column("earlier_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pump", sa.Uuid(), nullable=True),
        sa.Column("pump_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("last_delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_webhook_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_webhook_workspace_id_id")),
    )
    op.create_index(op.f("ix_webhook_workspace_id"), "webhook", ["workspace_id"], unique=False)
    op.create_index(
        "uq_webhook_by_request",
        "webhook",
        ["workspace_id", "url"],
        unique=True,
        postgresql_where=sa.text("by_request AND deleted_at IS NULL"),
    )
    op.create_table(
        "audience_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("status", ENUMS["import_status"], nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("number_offset", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("lines_read", sa.BigInteger(), nullable=False),
        sa.Column("rows_added", sa.BigInteger(), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("reject_path", sa.String(), nullable=True),
        sa.Column("rejects_size", sa.BigInteger(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "audience_id"],
            ["audience.workspace_id", "audience.id"],
            name=op.f("fk_audience_import_audience_workspace_id_audience_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_audience_import_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience_import")),
        sa.UniqueConstraint("audience_id", "digest", name=op.f("uq_audience_import_audience_id_digest")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_audience_import_workspace_id_id")),
    )
    op.create_index(op.f("ix_audience_import_workspace_id"), "audience_import", ["workspace_id"], unique=False)
    op.create_index(
        "uq_audience_import_running",
        "audience_import",
        ["audience_id"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "audience_row",
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("variables", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "audience_id"],
            ["audience.workspace_id", "audience.id"],
            name=op.f("fk_audience_row_audience_workspace_id_audience_id"),
        ),
        sa.PrimaryKeyConstraint("audience_id", "number", name=op.f("pk_audience_row")),
    )
    op.create_table(
        "campaign_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "campaign_id"],
            ["campaign.workspace_id", "campaign.id"],
            name=op.f("fk_campaign_version_campaign_workspace_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_campaign_version_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_version")),
        sa.UniqueConstraint("campaign_id", "number", name=op.f("uq_campaign_version_campaign_id_number")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_campaign_version_workspace_id_id")),
    )
    op.create_index(op.f("ix_campaign_version_workspace_id"), "campaign_version", ["workspace_id"], unique=False)
    op.create_table(
        "connector_calls",
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("slow", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_connector_calls_connector_workspace_id_connector_id"),
        ),
        sa.PrimaryKeyConstraint("connector_id", "slot", "shard", name=op.f("pk_connector_calls")),
    )
    op.create_table(
        "connector_health",
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("state", ENUMS["health_state"], nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pause", sa.Interval(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_connector_health_connector_workspace_id_connector_id"),
        ),
        sa.PrimaryKeyConstraint("connector_id", name=op.f("pk_connector_health")),
    )
    op.create_table(
        "connector_watch",
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_connector_watch_connector_workspace_id_connector_id"),
        ),
        sa.PrimaryKeyConstraint("connector_id", name=op.f("pk_connector_watch")),
    )
    op.create_table(
        "inbound_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("provider_message_id", sa.String(), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("sent_to", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("keyword", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_inbound_message_connector_workspace_id_connector_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_inbound_message_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_inbound_message_workspace_id_id")),
    )
    op.create_index("ix_inbound_message_address", "inbound_message", ["workspace_id", "address", "id"], unique=False)
    op.create_index("ix_inbound_message_page", "inbound_message", ["workspace_id", "id"], unique=False)
    op.create_index("ix_inbound_message_sender", "inbound_message", ["workspace_id", "sender_id", "id"], unique=False)
    op.create_index(op.f("ix_inbound_message_workspace_id"), "inbound_message", ["workspace_id"], unique=False)
    op.create_index(
        "uq_inbound_message",
        "inbound_message",
        ["connector_id", "provider_message_id"],
        unique=True,
        postgresql_where=sa.text("provider_message_id <> ''"),
    )
    op.create_table(
        "inbound_part",
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sent_to", sa.String(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_inbound_part_connector_workspace_id_connector_id"),
        ),
        sa.PrimaryKeyConstraint(
            "connector_id", "address", "sent_to", "reference", "total", "number", name=op.f("pk_inbound_part")
        ),
    )
    op.create_index("ix_inbound_part_age", "inbound_part", ["connector_id", "received_at"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=True),
        sa.Column("provider_message_id", sa.String(), nullable=True),
        sa.Column("state", ENUMS["message_state"], nullable=False),
        sa.Column("error_class", ENUMS["error_class"], nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_receipt_connector_workspace_id_connector_id"),
        ),
        sa.PrimaryKeyConstraint("connector_id", "reference", "part", "status", "code", name=op.f("pk_receipt")),
    )
    op.create_index(
        "ix_receipt_message",
        "receipt",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_receipt_parked",
        "receipt",
        ["provider_message_id", "connector_id"],
        unique=False,
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.create_table(
        "sender",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("category", ENUMS["category"], nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("messages_per_second", sa.Float(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_sender_connector_workspace_id_connector_id"),
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_sender_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_sender_workspace_id_id")),
    )
    op.create_index(op.f("ix_sender_workspace_id"), "sender", ["workspace_id"], unique=False)
    op.create_index(
        "uq_sender_default",
        "sender",
        ["workspace_id", "channel", "category"],
        unique=True,
        postgresql_where=sa.text("is_default AND deleted_at IS NULL"),
    )
    op.create_table(
        "template_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("variables", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("fallbacks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("missing_variable", ENUMS["missing_variable"], nullable=False),
        sa.Column("smart_encoding", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "template_id"],
            ["template.workspace_id", "template.id"],
            name=op.f("fk_template_version_template_workspace_id_template_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_template_version_workspace_workspace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_version")),
        sa.UniqueConstraint("template_id", "number", name=op.f("uq_template_version_template_id_number")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_template_version_workspace_id_id")),
    )
    op.create_index(op.f("ix_template_version_workspace_id"), "template_version", ["workspace_id"], unique=False)
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("kind", ENUMS["webhook_kind"], nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("strategy", ENUMS["webhook_strategy"], nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "webhook_id"],
            ["webhook.workspace_id", "webhook.id"],
            name=op.f("fk_webhook_delivery_webhook_workspace_id_webhook_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
    )
    op.create_index(
        "ix_webhook_delivery_dead",
        "webhook_delivery",
        ["webhook_id", "id"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    op.create_index(
        "ix_webhook_delivery_postponed",
        "webhook_delivery",
        ["webhook_id", "subject"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NULL AND tries > 0"),
    )
    op.create_index(
        "ix_webhook_delivery_queue",
        "webhook_delivery",
        ["webhook_id", "position"],
        unique=False,
        postgresql_where=sa.text("dead_at IS NULL"),
    )
    op.create_table(
        "route",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("category", ENUMS["category"], nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sender_id"],
            ["sender.workspace_id", "sender.id"],
            name=op.f("fk_route_sender_workspace_id_sender_id"),
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_route_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_route_workspace_id_id")),
    )
    op.create_index(op.f("ix_route_workspace_id"), "route", ["workspace_id"], unique=False)
    op.create_index("uq_route_sender", "route", ["workspace_id", "channel", "category", "sender_id"], unique=True)
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_version_id", sa.Uuid(), nullable=False),
        sa.Column("template_version_id", sa.Uuid(), nullable=False),
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("category", ENUMS["category"], nullable=False),
        sa.Column("status", ENUMS["run_status"], nullable=False),
        sa.Column("pause_reason", sa.String(), nullable=True),
        sa.Column("routed", sa.Boolean(), nullable=False),
        sa.Column("sender_replaced", sa.Boolean(), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt_window", sa.Integer(), nullable=False),
        sa.Column("in_doubt_limit", sa.Integer(), nullable=False),
        sa.Column("messages_per_second", sa.Float(), nullable=True),
        sa.Column("source_rows", sa.BigInteger(), nullable=False),
        sa.Column("frozen_rows", sa.BigInteger(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced_share", sa.Integer(), nullable=False),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "audience_id"],
            ["audience.workspace_id", "audience.id"],
            name=op.f("fk_run_audience_workspace_id_audience_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "campaign_id"],
            ["campaign.workspace_id", "campaign.id"],
            name=op.f("fk_run_campaign_workspace_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "campaign_version_id"],
            ["campaign_version.workspace_id", "campaign_version.id"],
            name=op.f("fk_run_campaign_version_workspace_id_campaign_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_run_connector_workspace_id_connector_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sender_id"],
            ["sender.workspace_id", "sender.id"],
            name=op.f("fk_run_sender_workspace_id_sender_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "template_version_id"],
            ["template_version.workspace_id", "template_version.id"],
            name=op.f("fk_run_template_version_workspace_id_template_version_id"),
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_run_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_run_workspace_id_id")),
    )
    op.create_index(op.f("ix_run_workspace_id"), "run", ["workspace_id"], unique=False)
    op.create_index(
        "uq_run_open",
        "run",
        ["campaign_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')"),
    )
    op.create_table(
        "suppression",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sender_id"],
            ["sender.workspace_id", "sender.id"],
            name=op.f("fk_suppression_sender_workspace_id_sender_id"),
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_suppression_workspace_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
    )
    op.create_index("ix_suppression_page", "suppression", ["workspace_id", "id"], unique=False)
    op.create_index(op.f("ix_suppression_workspace_id"), "suppression", ["workspace_id"], unique=False)
    op.create_index(
        "uq_suppression",
        "suppression",
        ["workspace_id", "channel", "address", "sender_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "batch",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        sa.Column("first_number", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"], ["run.workspace_id", "run.id"], name=op.f("fk_batch_run_workspace_id_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "wave", "first_number", name=op.f("pk_batch")),
    )
    op.create_index(
        "ix_batch_lease", "batch", ["lease_until"], unique=False, postgresql_where=sa.text("lease_until IS NOT NULL")
    )
    op.create_table(
        "message",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("wave", sa.SmallInteger(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("channel", ENUMS["channel"], nullable=False),
        sa.Column("category", ENUMS["category"], nullable=False),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("state", ENUMS["message_state"], nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_reason", sa.String(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=True),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_message_id", sa.String(), nullable=True),
        sa.Column("provider_status", sa.String(), nullable=True),
        sa.Column("error_class", ENUMS["error_class"], nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("parts", sa.SmallInteger(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_message_connector_workspace_id_connector_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"], ["run.workspace_id", "run.id"], name=op.f("fk_message_run_workspace_id_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sender_id"],
            ["sender.workspace_id", "sender.id"],
            name=op.f("fk_message_sender_workspace_id_sender_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_message")),
        sa.UniqueConstraint("dedupe_key", "workspace_id", name=op.f("uq_message_dedupe_key_workspace_id")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index("ix_message_address", "message", ["address", "workspace_id"], unique=False)
    op.create_index("ix_message_created_at", "message", ["created_at"], unique=False, postgresql_using="brin")
    op.create_index(
        "ix_message_provider_message_id",
        "message",
        ["provider_message_id"],
        unique=False,
        postgresql_where=sa.text("provider_message_id IS NOT NULL"),
    )
    op.create_index("ix_message_range", "message", ["run_id", "wave", "number"], unique=False)
    op.create_table(
        "run_callback",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("kind", ENUMS["webhook_kind"], nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("strategy", ENUMS["webhook_strategy"], nullable=False),
        sa.Column("told", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"],
            ["run.workspace_id", "run.id"],
            name=op.f("fk_run_callback_run_workspace_id_run_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "webhook_id"],
            ["webhook.workspace_id", "webhook.id"],
            name=op.f("fk_run_callback_webhook_workspace_id_webhook_id"),
        ),
        sa.PrimaryKeyConstraint("run_id", "webhook_id", "kind", name=op.f("pk_run_callback")),
    )
    op.create_index(
        "ix_run_callback_watched",
        "run_callback",
        ["run_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'campaign' AND NOT done"),
    )
    op.create_table(
        "run_counter",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("state", ENUMS["message_state"], nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"],
            ["run.workspace_id", "run.id"],
            name=op.f("fk_run_counter_run_workspace_id_run_id"),
        ),
        sa.PrimaryKeyConstraint("run_id", "shard", "state", "code", name=op.f("pk_run_counter")),
    )
    op.create_table(
        "wave",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"], ["run.workspace_id", "run.id"], name=op.f("fk_wave_run_workspace_id_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_wave")),
    )
    op.create_table(
        "attempt",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=True),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", ENUMS["message_state"], nullable=False),
        sa.Column("provider_message_id", sa.String(), nullable=True),
        sa.Column("error_class", ENUMS["error_class"], nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["message.workspace_id", "message.id"],
            name=op.f("fk_attempt_message_workspace_id_message_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "message_id", "attempt", name=op.f("pk_attempt")),
    )
    op.create_index(
        "ix_attempt_provider_message_id",
        "attempt",
        ["provider_message_id"],
        unique=False,
        postgresql_where=sa.text("provider_message_id IS NOT NULL"),
    )
    op.create_table(
        "delivery_report",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("channel_type", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["message.workspace_id", "message.id"],
            name=op.f("fk_delivery_report_message_workspace_id_message_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "message_id", name=op.f("pk_delivery_report")),
    )
    op.create_index("ix_delivery_report_due", "delivery_report", ["due_at"], unique=False)
    op.create_table(
        "direct_message",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("category", ENUMS["category"], nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("routed", sa.Boolean(), nullable=False),
        sa.Column("step", ENUMS["direct_step"], nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("polls", sa.SmallInteger(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_direct_message_connector_workspace_id_connector_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["message.workspace_id", "message.id"],
            name=op.f("fk_direct_message_message_workspace_id_message_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sender_id"],
            ["sender.workspace_id", "sender.id"],
            name=op.f("fk_direct_message_sender_workspace_id_sender_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "message_id", name=op.f("pk_direct_message")),
    )
    op.create_index(
        "ix_direct_message_await",
        "direct_message",
        ["connector_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("step = 'await'"),
    )
    op.create_index(
        "ix_direct_message_decide",
        "direct_message",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("step = 'decide'"),
    )
    op.create_index(
        "ix_direct_message_send",
        "direct_message",
        ["category", "due_at"],
        unique=False,
        postgresql_where=sa.text("step = 'send'"),
    )
    op.create_index(
        "ix_direct_message_settle",
        "direct_message",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("step = 'settle'"),
    )
    op.create_table(
        "message_callback",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("strategy", ENUMS["webhook_strategy"], nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["message.workspace_id", "message.id"],
            name=op.f("fk_message_callback_message_workspace_id_message_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "webhook_id"],
            ["webhook.workspace_id", "webhook.id"],
            name=op.f("fk_message_callback_webhook_workspace_id_webhook_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "message_id", name=op.f("pk_message_callback")),
    )
    op.create_table(
        "part_name",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("provider_message_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "connector_id"],
            ["connector.workspace_id", "connector.id"],
            name=op.f("fk_part_name_connector_workspace_id_connector_id"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "message_id"],
            ["message.workspace_id", "message.id"],
            name=op.f("fk_part_name_message_workspace_id_message_id"),
        ),
        sa.PrimaryKeyConstraint("workspace_id", "message_id", "attempt", "part", name=op.f("pk_part_name")),
    )
    op.create_index(
        "ix_part_name_provider_message_id", "part_name", ["provider_message_id", "connector_id"], unique=False
    )

    for statement in VIEWS:
        op.execute(statement)
    op.execute("""
CREATE FUNCTION tell_of_changed_messages() RETURNS trigger LANGUAGE plpgsql AS $feed$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT workspace_id FROM moved) AS touched
        JOIN webhook ON webhook.workspace_id = touched.workspace_id AND webhook.deleted_at IS NULL
    ) THEN
        EXECUTE $insert$
        INSERT INTO webhook_delivery (workspace_id, webhook_id, kind, subject, url, strategy, content)
        SELECT message.workspace_id, wanted.id, 'message', message.id, wanted.url, wanted.strategy,
        jsonb_build_object(
            'state', message.state, 'reason', message.reason, 'error_code', message.error_code,
            'error_message', message.error_message, 'provider_status', message.provider_status,
            'provider_message_id', message.provider_message_id, 'sender_id', message.sender_id,
            'connector_id', message.connector_id, 'parts', message.parts, 'accepted_at', message.accepted_at,
            'changed_at', message.status_changed_at
        )
        FROM moved AS message JOIN before ON before.workspace_id = message.workspace_id AND before.id = message.id
        CROSS JOIN LATERAL (
            SELECT webhook.id, NULL::text AS url, webhook.strategy FROM webhook
            WHERE webhook.workspace_id = message.workspace_id AND 'message' = ANY (webhook.kinds)
              AND webhook.deleted_at IS NULL
            UNION ALL
            SELECT webhook_id, url, strategy FROM run_callback
            WHERE run_callback.run_id = message.run_id AND kind = 'message' AND NOT done
            UNION ALL
            SELECT webhook_id, url, strategy FROM message_callback
            WHERE message_callback.workspace_id = message.workspace_id AND message_callback.message_id = message.id
        ) AS wanted
        WHERE CASE wanted.strategy
            WHEN 'on-change' THEN message.state NOT IN ('queued', 'claimed')
              AND (message.state <> before.state OR message.error_code IS DISTINCT FROM before.error_code)
            ELSE message.state NOT IN ('accepted', 'claimed', 'in_doubt', 'queued', 'sent')
              AND (message.state <> before.state)
        END
        $insert$;
    END IF;
    RETURN NULL;
END $feed$
""")
    op.execute("""
CREATE TRIGGER tell_webhooks_of_changes AFTER UPDATE ON message
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION tell_of_changed_messages()
""")
    op.execute("""
CREATE FUNCTION tell_of_new_messages() RETURNS trigger LANGUAGE plpgsql AS $feed$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT workspace_id FROM moved) AS touched
        JOIN webhook ON webhook.workspace_id = touched.workspace_id AND webhook.deleted_at IS NULL
    ) THEN
        EXECUTE $insert$
        INSERT INTO webhook_delivery (workspace_id, webhook_id, kind, subject, url, strategy, content)
        SELECT message.workspace_id, wanted.id, 'message', message.id, wanted.url, wanted.strategy,
        jsonb_build_object(
            'state', message.state, 'reason', message.reason, 'error_code', message.error_code,
            'error_message', message.error_message, 'provider_status', message.provider_status,
            'provider_message_id', message.provider_message_id, 'sender_id', message.sender_id,
            'connector_id', message.connector_id, 'parts', message.parts, 'accepted_at', message.accepted_at,
            'changed_at', message.status_changed_at
        )
        FROM moved AS message
        CROSS JOIN LATERAL (
            SELECT webhook.id, NULL::text AS url, webhook.strategy FROM webhook
            WHERE webhook.workspace_id = message.workspace_id AND 'message' = ANY (webhook.kinds)
              AND webhook.deleted_at IS NULL
            UNION ALL
            SELECT webhook_id, url, strategy FROM run_callback
            WHERE run_callback.run_id = message.run_id AND kind = 'message' AND NOT done
            UNION ALL
            SELECT webhook_id, url, strategy FROM message_callback
            WHERE message_callback.workspace_id = message.workspace_id AND message_callback.message_id = message.id
        ) AS wanted
        WHERE CASE wanted.strategy
            WHEN 'on-change' THEN message.state NOT IN ('queued', 'claimed')
              AND (true)
            ELSE message.state NOT IN ('accepted', 'claimed', 'in_doubt', 'queued', 'sent')
              AND (true)
        END
        $insert$;
    END IF;
    RETURN NULL;
END $feed$
""")
    op.execute("""
CREATE TRIGGER tell_webhooks_of_new_messages AFTER INSERT ON message
REFERENCING NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION tell_of_new_messages()
""")


def downgrade() -> None:
    op.execute("DROP FUNCTION tell_of_changed_messages CASCADE")
    op.execute("DROP FUNCTION tell_of_new_messages CASCADE")
    for statement in DROP_VIEWS:
        op.execute(statement)
    op.drop_index("ix_part_name_provider_message_id", table_name="part_name")
    op.drop_table("part_name")
    op.drop_table("message_callback")
    op.drop_index("ix_direct_message_settle", table_name="direct_message", postgresql_where=sa.text("step = 'settle'"))
    op.drop_index("ix_direct_message_send", table_name="direct_message", postgresql_where=sa.text("step = 'send'"))
    op.drop_index("ix_direct_message_decide", table_name="direct_message", postgresql_where=sa.text("step = 'decide'"))
    op.drop_index("ix_direct_message_await", table_name="direct_message", postgresql_where=sa.text("step = 'await'"))
    op.drop_table("direct_message")
    op.drop_index("ix_delivery_report_due", table_name="delivery_report")
    op.drop_table("delivery_report")
    op.drop_index(
        "ix_attempt_provider_message_id",
        table_name="attempt",
        postgresql_where=sa.text("provider_message_id IS NOT NULL"),
    )
    op.drop_table("attempt")
    op.drop_table("wave")
    op.drop_table("run_counter")
    op.drop_index(
        "ix_run_callback_watched", table_name="run_callback", postgresql_where=sa.text("kind = 'campaign' AND NOT done")
    )
    op.drop_table("run_callback")
    op.drop_index("ix_message_range", table_name="message")
    op.drop_index(
        "ix_message_provider_message_id",
        table_name="message",
        postgresql_where=sa.text("provider_message_id IS NOT NULL"),
    )
    op.drop_index("ix_message_created_at", table_name="message", postgresql_using="brin")
    op.drop_index("ix_message_address", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_batch_lease", table_name="batch", postgresql_where=sa.text("lease_until IS NOT NULL"))
    op.drop_table("batch")
    op.drop_index("uq_suppression", table_name="suppression", postgresql_nulls_not_distinct=True)
    op.drop_index(op.f("ix_suppression_workspace_id"), table_name="suppression")
    op.drop_index("ix_suppression_page", table_name="suppression")
    op.drop_table("suppression")
    op.drop_index(
        "uq_run_open",
        table_name="run",
        postgresql_where=sa.text("status IN ('SCHEDULED', 'ACTIVE', 'PAUSED', 'STOPPING')"),
    )
    op.drop_index(op.f("ix_run_workspace_id"), table_name="run")
    op.drop_table("run")
    op.drop_index("uq_route_sender", table_name="route")
    op.drop_index(op.f("ix_route_workspace_id"), table_name="route")
    op.drop_table("route")
    op.drop_index(
        "ix_webhook_delivery_queue", table_name="webhook_delivery", postgresql_where=sa.text("dead_at IS NULL")
    )
    op.drop_index(
        "ix_webhook_delivery_postponed",
        table_name="webhook_delivery",
        postgresql_where=sa.text("dead_at IS NULL AND tries > 0"),
    )
    op.drop_index(
        "ix_webhook_delivery_dead", table_name="webhook_delivery", postgresql_where=sa.text("dead_at IS NOT NULL")
    )
    op.drop_table("webhook_delivery")
    op.drop_index(op.f("ix_template_version_workspace_id"), table_name="template_version")
    op.drop_table("template_version")
    op.drop_index(
        "uq_sender_default", table_name="sender", postgresql_where=sa.text("is_default AND deleted_at IS NULL")
    )
    op.drop_index(op.f("ix_sender_workspace_id"), table_name="sender")
    op.drop_table("sender")
    op.drop_index("ix_receipt_parked", table_name="receipt", postgresql_where=sa.text("message_id IS NULL"))
    op.drop_index("ix_receipt_message", table_name="receipt", postgresql_where=sa.text("message_id IS NOT NULL"))
    op.drop_table("receipt")
    op.drop_index("ix_inbound_part_age", table_name="inbound_part")
    op.drop_table("inbound_part")
    op.drop_index(
        "uq_inbound_message", table_name="inbound_message", postgresql_where=sa.text("provider_message_id <> ''")
    )
    op.drop_index(op.f("ix_inbound_message_workspace_id"), table_name="inbound_message")
    op.drop_index("ix_inbound_message_sender", table_name="inbound_message")
    op.drop_index("ix_inbound_message_page", table_name="inbound_message")
    op.drop_index("ix_inbound_message_address", table_name="inbound_message")
    op.drop_table("inbound_message")
    op.drop_table("connector_watch")
    op.drop_table("connector_health")
    op.drop_table("connector_calls")
    op.drop_index(op.f("ix_campaign_version_workspace_id"), table_name="campaign_version")
    op.drop_table("campaign_version")
    op.drop_table("audience_row")
    op.drop_index(
        "uq_audience_import_running", table_name="audience_import", postgresql_where=sa.text("status = 'running'")
    )
    op.drop_index(op.f("ix_audience_import_workspace_id"), table_name="audience_import")
    op.drop_table("audience_import")
    op.drop_index(
        "uq_webhook_by_request", table_name="webhook", postgresql_where=sa.text("by_request AND deleted_at IS NULL")
    )
    op.drop_index(op.f("ix_webhook_workspace_id"), table_name="webhook")
    op.drop_table("webhook")
    op.drop_index(op.f("ix_template_workspace_id"), table_name="template")
    op.drop_table("template")
    op.drop_index(op.f("ix_report_export_workspace_id"), table_name="report_export")
    op.drop_index(
        "ix_report_export_running", table_name="report_export", postgresql_where=sa.text("status = 'running'")
    )
    op.drop_index("ix_report_export_page", table_name="report_export")
    op.drop_index(
        "ix_report_export_expires_at", table_name="report_export", postgresql_where=sa.text("status = 'completed'")
    )
    op.drop_table("report_export")
    op.drop_table("opt_out_settings")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_connector_workspace_id"), table_name="connector")
    op.drop_table("connector")
    op.drop_index(op.f("ix_campaign_workspace_id"), table_name="campaign")
    op.drop_index("ix_campaign_page", table_name="campaign")
    op.drop_table("campaign")
    op.drop_index(op.f("ix_audit_entry_workspace_id"), table_name="audit_entry")
    op.drop_index("ix_audit_entry_page", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index(op.f("ix_audience_workspace_id"), table_name="audience")
    op.drop_table("audience")
    op.drop_index(op.f("ix_api_key_workspace_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("workspace")
    op.drop_table("pacing_bucket")
    op.drop_table("outbox")
    op.drop_table("metric_series")
    for enum in ENUMS.values():
        enum.drop(op.get_bind())
