"""How a campaign is sent through each SMS provider: one row for each. All of them are simulated at one desk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from tests.providers.custom.gateway import configuration as plain_gateway


@dataclass(frozen=True)
class Route:
    """A connector and a sender. Each rehearsal has an account of its own, by which the simulator's log is read."""

    provider: str
    credentials: Callable[[str], Mapping[str, Any]]  # of an account with this name
    configuration: Mapping[str, Any] | Callable[[str], Mapping[str, Any]] | None = None  # of the simulator's address
    sender_kind: str = "long_code"
    sender_address: str = "+14155550100"
    account_prefix: str = "account-"
    account_is_number: bool = False
    told_beforehand: bool = False  # its callbacks go where the account says, not where each request says

    def configured(self, simulator_url: str) -> Mapping[str, Any] | None:
        """The configuration, for providers that are reached by an address of their user's."""
        return self.configuration(simulator_url) if callable(self.configuration) else self.configuration

    def new_account(self) -> str:
        """A name that no account at the provider has yet."""
        name = uuid4()
        return str(name.int % 10**15) if self.account_is_number else f"{self.account_prefix}{name.hex}"


TWILIO: Final = Route("twilio", lambda account: {"account_sid": account, "auth_token": "5" * 32}, account_prefix="AC")
ROUTEE: Final = Route(
    "routee",
    lambda account: {"application_id": account, "application_secret": "5" * 32},
    sender_kind="alphanumeric",
    sender_address="ACME",
)
GUPSHUP: Final = Route(
    "gupshup",
    lambda account: {"user_id": account, "password": "5" * 32},
    sender_kind="mask",
    sender_address="ACMEIN",
    account_is_number=True,
    told_beforehand=True,
)
KALEYRA: Final = Route(
    "kaleyra",
    lambda account: {"account_sid": account, "api_key": "A" + "5" * 32},
    {"region": "in"},
    sender_kind="promotional",
    sender_address="ACMEIN",
    account_prefix="HXIN",
    told_beforehand=True,
)
NETCORE: Final = Route(
    "netcore",
    lambda account: {"username": account, "password": "5" * 32},
    {
        "receipts": {
            "id": "reqid",
            "status": "status",
            "states": {"DELIVERED": "delivered", "UNDELIVERED": "undelivered", "FAILED": "failed"},
            "error_code": "errorcode",
        }
    },
    sender_kind="feed",
    sender_address="354979",
    told_beforehand=True,
)
TELSPIEL: Final = Route(
    "telspiel",
    lambda account: {"username": account, "api_key": "5" * 32},
    {
        "reply": {"format": "json", "id": "0.reqid", "code": "0.code", "success": ["S000"]},
        "receipts": {
            "id": "reqid",
            "reference": "custref",
            "status": "status",
            "states": {"SENT": "sent", "DELIVRD": "delivered", "UNDELIV": "undelivered", "REJECTD": "failed"},
            "error_code": "err",
        },
    },
    sender_kind="header",
    sender_address="ACMEIN",
    told_beforehand=True,
)
TIMES_INTERNET: Final = Route(
    "times_internet",
    lambda account: {"username": account, "password": "5" * 32},
    {
        "reply": {"format": "json", "id": "transactionId", "code": "statusCode", "success": ["200"]},
        "receipts": {
            "id": "txid",
            "reference": "corelationid",
            "status": "deliverystatus",
            "states": {"SUBMITTED": "sent", "DELIVERED": "delivered", "UNDELIVERED": "undelivered", "FAILED": "failed"},
            "error_code": "cause",
        },
    },
    sender_kind="header",
    sender_address="ACMEIN",
    told_beforehand=True,
)

SINCH: Final = Route("sinch", lambda account: {"service_plan_id": account, "api_token": "5" * 32})
IP2SMS: Final = Route(
    "ip2sms",
    lambda account: {"login": account, "password": "5" * 32},
    configuration={
        "send_url": "https://api.operator.example/ip2sms/",
        "status_url": "https://api.operator.example/ip2sms-request/",
        "format": "json",
        "messages_per_request": 50,
    },
    sender_kind="alphanumeric",
    sender_address="ACME",
)
CUSTOM: Final = Route(
    "custom",
    lambda account: {"token": f"{account}.{'5' * 32}"},
    plain_gateway,
    sender_kind="sender",
    sender_address="ACME",
)
VIVA_CONNECT: Final = replace(CUSTOM, provider="viva_connect")
SMPP: Final = Route(
    "smpp",
    lambda account: {"system_id": account, "password": "secret"},
    {"host": "smsc.operator.example"},
    account_is_number=True,
)

ROUTES: Final = (
    TWILIO,
    SINCH,
    ROUTEE,
    IP2SMS,
    GUPSHUP,
    KALEYRA,
    NETCORE,
    TELSPIEL,
    TIMES_INTERNET,
    CUSTOM,
    VIVA_CONNECT,
    SMPP,
)
"""Every provider adds its row."""
