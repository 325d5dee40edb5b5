"""The accounts at the simulated Twilio, and who may use them.

Without a script: any well-formed account SID is an active account with money, in which any auth token is right that
does not begin with "bad"; the token used last signs the callbacks. It owns every number, short code and messaging
service except those that end in 404. A script can name accounts exactly.
"""

import time
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Final

from heliograph.simulator.script import AccountScript

DEMO_ACCOUNT_SID: Final = "AC" + "d3300" * 6 + "00"
DEMO_AUTH_TOKEN: Final = "5117a7e0c0de" * 2 + "5117a7e0"  # opens nothing but the simulator
DEMO_LONG_CODE: Final = "+12015550123"
DEMO_SHORT_CODE: Final = "12345"
DEMO_MESSAGING_SERVICE: Final = "MG" + "d3300" * 6 + "00"
REFUSED_AUTH_TOKEN: Final = "bad" + "0" * 29
UNKNOWN_LONG_CODE: Final = "+12015550404"

_REFUSED_TOKENS: Final = "bad"
_NOT_OWNED: Final = "404"
_SID_LENGTH: Final = 34
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")


@dataclass(slots=True)
class Account:
    """One account and the allowance of its requests per second."""

    sid: str
    script: AccountScript
    auth_token: str
    allowance: float = 0.0
    counted_at: float = 0.0
    failures: int = 0

    def may_request(self) -> bool:
        """Takes one request out of the allowance, which fills up to one second's worth."""
        rate = self.script.requests_per_second
        if rate is None:
            return True
        now = time.monotonic()
        self.allowance = min(max(rate, 1.0), self.allowance + (now - self.counted_at) * rate)
        self.counted_at = now
        if self.allowance < 1.0:
            return False
        self.allowance -= 1.0
        return True

    def may_answer(self) -> bool:
        """Whether a question is answered, or the scripted failure comes."""
        failure = self.script.failure
        if failure is None or (failure.times is not None and self.failures >= failure.times):
            return True
        self.failures += 1
        return False

    def takes(self, secret: str) -> bool:
        """Whether this is the account's secret: the scripted one, or any that does not begin with `bad`."""
        if self.script.auth_token is not None:
            return secret == self.script.auth_token
        return bool(secret) and not secret.startswith(_REFUSED_TOKENS)

    def owns(self, address: str, owned: list[str] | None) -> bool:
        """Whether `address` is the account's: listed in the script, or by the rule of the simulator."""
        return not address.endswith(_NOT_OWNED) if owned is None else address in owned


class Accounts:
    """Who is known, by the Authorization header."""

    def __init__(self, scripts: dict[str, AccountScript] | None = None) -> None:
        self._scripts = scripts or {}
        self._accounts: dict[str, Account] = {}
        self._by_header: dict[bytes, Account | None] = {}

    def follow(self, scripts: dict[str, AccountScript]) -> None:
        """New scripts; the tokens last used stay, for callbacks that are still to come."""
        self._scripts = scripts
        self._by_header.clear()
        for account in self._accounts.values():
            account.script = scripts.get(account.sid) or AccountScript()
            account.allowance = 0.0
            account.failures = 0

    def authenticate(self, header: bytes) -> Account | None:
        """The account whose credentials these are; None when they are wrong."""
        try:
            account = self._by_header[header]
        except KeyError:
            account = self._by_header[header] = self._open(header)
        return account

    def token_of(self, sid: str) -> str:
        """What signs the callbacks of an account."""
        account = self._accounts.get(sid)
        return "" if account is None else account.auth_token

    def _open(self, header: bytes) -> Account | None:
        sid, token = basic_credentials(header)
        if not is_account_sid(sid):
            return None
        account = self._accounts.get(sid) or Account(sid, self._scripts.get(sid) or AccountScript(), token)
        if not account.takes(token):
            return None
        self._accounts[sid] = account
        if account.auth_token != token:  # rotated: forget what the old token was known for
            account.auth_token = token
            self._by_header.clear()
        return account


def is_account_sid(sid: str) -> bool:
    """AC and 32 hexadecimal digits."""
    return len(sid) == _SID_LENGTH and sid.startswith("AC") and _HEXADECIMAL.issuperset(sid[2:])


def basic_credentials(header: bytes) -> tuple[str, str]:
    """Name and secret of a Basic Authorization header; both empty when it is none."""
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        return "", ""
    try:
        sid, _, token = b64decode(encoded, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return "", ""
    return sid, token
