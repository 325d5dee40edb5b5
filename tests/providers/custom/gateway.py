"""The simulator's plain gateway, as a user would describe it."""

from typing import Any, Final

from heliograph.providers.custom.configuration import CustomConfiguration
from heliograph.providers.custom.credentials import CustomCredentials
from heliograph.providers.protocol import Account

ACCOUNT_NAME: Final = "shop"
KEY: Final = "right-key"
CREDENTIALS: Final[dict[str, Any]] = {"token": f"{ACCOUNT_NAME}.{KEY}", "callback_secret": "callback-secret"}

ANSWER: Final[dict[str, Any]] = {
    "id": {"kind": "json", "path": "id"},
    "error_code": {"kind": "json", "path": "error.code"},
    "error_message": {"kind": "json", "path": "error.message"},
    "errors": {
        "bad_key": "auth",
        "no_credit": "account",
        "bad_number": "recipient",
        "opted_out": "opt_out",
        "bad_sender": "sender",
        "bad_text": "content",
    },
}
STATES: Final = {
    "QUEUED": "accepted",
    "SENT": "sent",
    "DELIVRD": "delivered",
    "UNDELIV": "undelivered",
    "FAILED": "failed",
}


def configuration(url: str, **changes: Any) -> dict[str, Any]:
    """Of the gateway at this address of a simulator."""
    return {
        "request": {
            "method": "POST",
            "url": f"{url}/custom/messages",
            "body": {
                "format": "json",
                "document": {
                    "from": "{{ sender }}",
                    "to": "{{ to }}",
                    "text": "{{ body }}",
                    "reference": "{{ reference }}",
                    "callback_url": "{{ callback_url }}",
                },
            },
        },
        "answer": ANSWER,
        "authentication": {"kind": "bearer"},
        "receipts": {"id": "id", "reference": "reference", "status": "status", "states": STATES, "error_code": "error"},
        "polling": {
            "request": {"method": "GET", "url": f"{url}/custom/messages/{{{{ id }}}}"},
            "status": {"kind": "json", "path": "status"},
            "states": STATES,
            "error_code": {"kind": "json", "path": "error"},
        },
        **changes,
    }


def account(url: str, credentials: dict[str, Any] | None = None, **changes: Any) -> Account:
    """The account, with another configuration or other credentials where a test wants them."""
    return Account(
        CustomCredentials.model_validate(CREDENTIALS if credentials is None else credentials),
        CustomConfiguration.model_validate(configuration(url, **changes)),
    )
