"""Twilio's resources as JSON, in Twilio's field names."""

from email.utils import formatdate
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from heliograph.simulator.accounts import Account
from heliograph.simulator.messages import AcceptedMessage

API_PATH: Final = "/2010-04-01"


@lru_cache(maxsize=64)
def _rfc2822(second: int) -> str:
    return formatdate(second, usegmt=False).replace("-0000", "+0000")


def message_json(message: AcceptedMessage, *, status: str | None = None) -> dict[str, Any]:
    """A message in Twilio's fields, as it is now."""
    status = status or message.status
    final = status == message.final_status
    path = f"{API_PATH}/Accounts/{message.account_sid}/Messages/{message.sid}"
    sent = status not in {"accepted", "queued", "canceled"}
    changed = message.final_at if final else message.sent_at if sent else message.accepted_at
    return {
        "account_sid": message.account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": _rfc2822(int(message.accepted_at)),
        "date_sent": _rfc2822(int(message.sent_at)) if sent else None,
        "date_updated": _rfc2822(int(changed)),
        "direction": "outbound-api",
        "error_code": message.error_code if final and message.error_code else None,
        "error_message": None,
        "from": message.sender or None,
        "messaging_service_sid": message.messaging_service_sid or None,
        "num_media": "0",
        "num_segments": "0" if message.messaging_service_sid and not sent else str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": message.to,
        "uri": f"{path}.json",
    }


def account_json(account: Account) -> dict[str, Any]:
    """An account."""
    return {
        "sid": account.sid,
        "friendly_name": "Simulated account",
        "status": account.script.status,
        "type": "Trial" if account.script.trial else "Full",
        "owner_account_sid": account.sid,
        "auth_token": "redacted",
        "date_created": "Thu, 01 Jan 2026 00:00:00 +0000",
        "date_updated": "Thu, 01 Jan 2026 00:00:00 +0000",
        "uri": f"{API_PATH}/Accounts/{account.sid}.json",
        "subresource_uris": {},
    }


def balance_json(account: Account) -> dict[str, Any]:
    """The money left."""
    return {"account_sid": account.sid, "balance": account.script.balance, "currency": account.script.currency}


def number_json(account: Account, number: str) -> dict[str, Any]:
    """A number of an account."""
    return {
        "sid": "PN" + account.sid[2:],
        "account_sid": account.sid,
        "phone_number": number,
        "friendly_name": number,
        "capabilities": {"sms": True, "mms": False, "voice": False, "fax": False},
    }


def short_code_json(account: Account, code: str) -> dict[str, Any]:
    """A short code of an account."""
    return {"sid": "SC" + account.sid[2:], "account_sid": account.sid, "short_code": code, "friendly_name": code}


def service_json(account: Account, sid: str) -> dict[str, Any]:
    """A messaging service."""
    return {
        "sid": sid,
        "account_sid": account.sid,
        "friendly_name": "Simulated service",
        "date_created": "2026-01-01T00:00:00Z",
        "date_updated": "2026-01-01T00:00:00Z",
        "url": f"https://messaging.twilio.com/v1/Services/{sid}",
        "links": {},
    }


def page_json(
    name: str,
    items: list[dict[str, Any]],
    path: str = "",
    query: dict[str, str] | None = None,
    page: int = 0,
    size: int = 50,
    *,
    following: int | None = None,
) -> dict[str, Any]:
    """One page of a list; `following` is the token of the next one."""
    next_query = urlencode({**(query or {}), "Page": page + 1, "PageSize": size, "PageToken": following})
    return {
        name: items,
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(0, len(items) - 1),
        "uri": path,
        "first_page_uri": path,
        "previous_page_uri": None,
        "next_page_uri": None if following is None else f"{path}?{next_query}",
    }
