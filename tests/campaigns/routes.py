"""How a campaign is sent through each SMS provider: one row for each. All of them are simulated at one desk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4


@dataclass(frozen=True)
class Route:
    """A connector and a sender. Each rehearsal has an account of its own, by which the simulator's log is read."""

    provider: str
    credentials: Callable[[str], Mapping[str, Any]]  # of an account with this name
    configuration: Mapping[str, Any] | None = None
    sender_kind: str = "long_code"
    sender_address: str = "+14155550100"
    account_prefix: str = "account-"
    told_beforehand: bool = False  # its callbacks go where the account says, not where each request says

    def new_account(self) -> str:
        """A name that no account at the provider has yet."""
        return f"{self.account_prefix}{uuid4().hex}"


TWILIO: Final = Route("twilio", lambda account: {"account_sid": account, "auth_token": "5" * 32}, account_prefix="AC")
ROUTEE: Final = Route(
    "routee",
    lambda account: {"application_id": account, "application_secret": "5" * 32},
    sender_kind="alphanumeric",
    sender_address="ACME",
)

ROUTES: Final = (TWILIO, ROUTEE)
"""Every provider adds its row."""
