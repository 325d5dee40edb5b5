"""Relations for those who read with SQL: the log of messages and the verifications (requirements B3, B4).

`verification.sms_log` is a view over the ledger, so it can neither lag behind it nor differ from it. Rows are found by
`phone_number`, `gateway_id`, and (through a BRIN index) by ranges of `inserted_at`, without reading the whole ledger.
"""

from typing import Final

_MASK_CODES: Final = r"'\m(?=[[:alnum:]]*[0-9])[[:alnum:]]{4,8}\M', '******', 'g'"
"""A word of four to eight letters and digits with a digit in it: what a one-time code looks like."""

VIEWS: Final = (
    "CREATE SCHEMA verification",
    f"""
    CREATE VIEW verification.sms_log AS
    SELECT
        id,
        address AS phone_number,
        coalesce(type, CASE category WHEN 'otp' THEN 'verification' ELSE 'text' END) AS type,
        CASE WHEN category = 'otp' OR type IN ('verification', '2FA') THEN regexp_replace(body, {_MASK_CODES})
            ELSE body END AS body,
        provider_message_id AS gateway_id,
        provider_status AS gateway_status,
        status_changed_at,
        greatest(status_changed_at, claimed_at, accepted_at, final_at) AS updated_at,
        created_at AS inserted_at,
        workspace_id
    FROM public.message
    WHERE channel = 'sms' AND attempt > 0
    """,
    "COMMENT ON VIEW verification.sms_log IS 'Every SMS that was brought to a provider, once, with its latest try. "
    "gateway_id and gateway_status are the provider''s own; codes in verifications are masked.'",
    """
    CREATE VIEW verification.verifications AS
    SELECT
        id,
        address AS phone_number,
        attempt AS attempts_count,
        provider_message_id AS gateway_id,
        provider_status AS gateway_status,
        status_changed_at,
        greatest(status_changed_at, claimed_at, accepted_at, final_at) AS updated_at,
        created_at AS inserted_at,
        workspace_id
    FROM public.message
    WHERE category = 'otp'
    """,
    "COMMENT ON VIEW verification.verifications IS 'Every verification, once, whatever its attempts count.'",
)

DROP_VIEWS: Final = ("DROP SCHEMA verification CASCADE",)
