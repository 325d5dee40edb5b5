"""The feed: every change of a message that a webhook wants to hear of becomes a delivery in the commit of the change.

It hangs on the ledger itself, as triggers of `message` that act once a statement, so that no statement of today or
tomorrow can move a message and forget to tell. The price where nobody listens is one look at the table of webhooks a
statement; docs/webhooks.md gives the measurement.

Migrations create what `CREATE` says; a change of it needs a migration of its own after the first release.
"""

from typing import Final

from heliograph.domain.ledger import OPEN

# What is told later is what was true now, so everything that moves on is copied; what stays is read when it is told.
_CONTENT = """jsonb_build_object(
            'state', message.state, 'reason', message.reason, 'error_code', message.error_code,
            'error_message', message.error_message, 'provider_status', message.provider_status,
            'provider_message_id', message.provider_message_id, 'sender_id', message.sender_id,
            'connector_id', message.connector_id, 'parts', message.parts, 'accepted_at', message.accepted_at,
            'changed_at', message.status_changed_at
        )"""

# Who wants to hear of a message: the workspace's webhooks, what its campaign asked for, what its request asked for.
# `url` NULL means the webhook's own address.
_WANTED = """CROSS JOIN LATERAL (
            SELECT webhook.id, NULL::text AS url, webhook.strategy FROM webhook
            WHERE webhook.workspace_id = message.workspace_id AND 'message' = ANY (webhook.kinds)
              AND webhook.deleted_at IS NULL
            UNION ALL
            SELECT webhook_id, url, strategy FROM run_callback
            WHERE run_callback.run_id = message.run_id AND kind = 'message' AND NOT done
            UNION ALL
            SELECT webhook_id, url, strategy FROM message_callback
            WHERE message_callback.workspace_id = message.workspace_id AND message_callback.message_id = message.id
        ) AS wanted"""

_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN))


def _insert(source: str, *, changed: str, came_to: str) -> str:
    """`changed`: something a receiver wants to know is new; `came_to`: the state is."""
    return f"""
        INSERT INTO webhook_delivery (workspace_id, webhook_id, kind, subject, url, strategy, content)
        SELECT message.workspace_id, wanted.id, 'message', message.id, wanted.url, wanted.strategy,
        {_CONTENT}
        FROM {source}
        {_WANTED}
        WHERE CASE wanted.strategy
            WHEN 'on-change' THEN message.state NOT IN ('queued', 'claimed')
              AND ({changed})
            ELSE message.state NOT IN ({_OPEN})
              AND ({came_to})
        END"""


_AFTER_UPDATE = _insert(
    "moved AS message JOIN before ON before.workspace_id = message.workspace_id AND before.id = message.id",
    changed="message.state <> before.state OR message.error_code IS DISTINCT FROM before.error_code",
    came_to="message.state <> before.state",
)
_AFTER_INSERT = _insert("moved AS message", changed="true", came_to="true")  # excluded when its run was frozen


def _function(name: str, insert: str) -> str:
    """EXECUTE plans anew each time: a plan made for one changed message would be a disaster for twenty thousand."""
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $feed$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT workspace_id FROM moved) AS touched
        JOIN webhook ON webhook.workspace_id = touched.workspace_id AND webhook.deleted_at IS NULL
    ) THEN
        EXECUTE $insert${insert}
        $insert$;
    END IF;
    RETURN NULL;
END $feed$
"""


CREATE: Final = (
    _function("tell_of_changed_messages", _AFTER_UPDATE),
    """
CREATE TRIGGER tell_webhooks_of_changes AFTER UPDATE ON message
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION tell_of_changed_messages()
""",
    _function("tell_of_new_messages", _AFTER_INSERT),
    """
CREATE TRIGGER tell_webhooks_of_new_messages AFTER INSERT ON message
REFERENCING NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION tell_of_new_messages()
""",
)
"""What a migration executes once the tables are there."""

DROP: Final = ("DROP FUNCTION tell_of_changed_messages CASCADE", "DROP FUNCTION tell_of_new_messages CASCADE")
