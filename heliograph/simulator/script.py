"""What the simulator is told to do. The same models are its file format, its admin API, and its client's arguments.

A script has defaults (from its preset) and rules. A rule says for whom it holds (`match`) and speaks of some of four
aspects: `latency`, `answer`, `delivery`, `receipts`. Each aspect of a message is decided by the first rule that matches
and speaks of it, else by the default. Chance is a hash of seed and number: the same number always fares the same.
"""

import math
from enum import StrEnum
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_STANDARD_NORMAL = NormalDist()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fixed(_Part):
    """Always the same."""

    kind: Literal["fixed"] = "fixed"
    seconds: float = Field(ge=0)

    def at(self, fraction: float) -> float:  # noqa: ARG002
        """Seconds at this fraction of the distribution."""
        return self.seconds


class Uniform(_Part):
    """Evenly between `low` and `high`."""

    kind: Literal["uniform"] = "uniform"
    low: float = Field(ge=0)
    high: float = Field(ge=0)

    def at(self, fraction: float) -> float:
        """Seconds at this fraction of the distribution."""
        return self.low + (self.high - self.low) * fraction


class Lognormal(_Part):
    """Half of them below `median`, with a long tail that ends at `maximum`."""

    kind: Literal["lognormal"] = "lognormal"
    median: float = Field(gt=0)
    sigma: float = Field(default=0.5, gt=0, le=3)
    maximum: float = Field(default=60.0, gt=0)

    def at(self, fraction: float) -> float:
        """Seconds at this fraction of the distribution."""
        bounded = min(max(fraction, 1e-9), 1 - 1e-9)
        return min(self.maximum, self.median * math.exp(self.sigma * _STANDARD_NORMAL.inv_cdf(bounded)))


Distribution = Annotated[Fixed | Uniform | Lognormal, Field(discriminator="kind")]


class AnswerKind(StrEnum):
    """How the request to send is answered."""

    ACCEPT = "accept"
    ERROR = "error"  # an error body with `status` and `code`; also status 200, which is how some gateways err
    MALFORMED = "malformed"  # `status`, and a body that is not JSON
    DROP = "drop"  # the connection closes
    SILENCE = "silence"  # no answer, ever: the client times out


class SendAnswer(_Part):
    """The answer to a request to send. `accepted`: the message is taken all the same, unknown to the sender."""

    kind: AnswerKind = AnswerKind.ACCEPT
    status: int = Field(default=400, ge=200, le=599)
    code: int | str | None = Field(default=None, description="In the provider's own numbers or words.")
    message: str | None = None
    retry_after: str | None = Field(default=None, description="The Retry-After header: seconds, or an HTTP date.")
    accepted: bool = False

    @property
    def takes(self) -> bool:
        """Whether the message is accepted."""
        return self.accepted or self.kind is AnswerKind.ACCEPT


class Delivery(_Part):
    """What becomes of accepted messages: weights, by error code for the unsuccessful."""

    delivered: float = Field(default=1.0, ge=0)
    undelivered: dict[int, float] = Field(default_factory=dict)
    failed: dict[int, float] = Field(default_factory=dict)


class Receipts(_Part):
    """When the status changes, and how it is told."""

    to_sent: Distribution = Fixed(seconds=0.02)
    to_final: Distribution = Fixed(seconds=0.05)
    late: Distribution = Fixed(seconds=0)
    queued: bool = Field(default=True, description="Tell `queued` too.")
    copies: int = Field(default=1, ge=1, le=10, description="Tell everything so many times.")
    shuffled: bool = Field(default=False, description="Tell in a random order.")
    before_reply: bool = Field(default=False, description="Tell everything before the send is answered.")
    lost: float = Field(default=0.0, ge=0, le=1, description="For this share of messages nothing is told; 1: never.")


class Match(_Part):
    """Whom a rule holds for: everything that is given must hold."""

    account: str | None = None
    numbers: frozenset[str] | None = None
    prefix: str | None = None
    sender: str | None = None
    rate: float | None = Field(default=None, ge=0, le=1, description="This share of numbers.")
    times: int | None = Field(default=None, ge=1, description="Only the first so many requests for each number.")


class Rule(_Part):
    """Some aspects for some messages."""

    match: Match = Match()
    latency: Distribution | None = None
    answer: SendAnswer | None = None
    delivery: Delivery | None = None
    receipts: Receipts | None = None


class Failure(_Part):
    """Twilio fails at whatever it is asked, except to send, which has its own rules."""

    status: int = Field(default=500, ge=400, le=599)
    code: int | None = 20500
    times: int | None = Field(default=None, ge=1, description="Only for the first so many requests.")


class SmscManner(_Part):
    """How an SMSC treats an account, where SMSCs differ."""

    ids: Literal["text", "hexadecimal_then_decimal", "decimal_then_hexadecimal"] = Field(
        default="text", description="How messages are named: in the answer, then in the receipt."
    )
    receipts: Literal["standard", "long_dates", "sparse", "lower_case", "parameters"] = "standard"
    binds: int | None = Field(default=None, ge=1, description="Binds the account may have; none: any number.")


class AccountScript(_Part):
    """An account at Twilio. Lists that are None: everything that does not end in 404."""

    auth_token: str | None = Field(default=None, description="None: any that does not begin with `bad`.")
    status: Literal["active", "suspended", "closed"] = "active"
    balance: str = Field(default="1000.00", pattern=r"^-?\d+(\.\d+)?$")
    currency: str = "USD"
    requests_per_second: float | None = Field(default=None, gt=0)
    numbers: list[str] | None = None
    short_codes: list[str] | None = None
    services: list[str] | None = None
    trial: bool = False
    verified: list[str] = Field(default_factory=list, description="The numbers a trial account may send to.")
    failure: Failure | None = None
    callback_url: str = Field(default="", description="Where callbacks go, at providers that are told so beforehand.")

    smsc: SmscManner = SmscManner()

    @property
    def is_broke(self) -> bool:
        """Whether no money is left."""
        return self.balance.startswith("-") or not self.balance.strip("0.")


class Preset(StrEnum):
    """Ready-made defaults."""

    PLAIN = "plain"  # no latency, all delivered: for measuring, and for tests that script what they need
    REALISTIC = "realistic"  # a few per cent of everything that goes wrong in life: for the demo


class Script(_Part):
    """Everything the simulator is told."""

    preset: Preset = Preset.PLAIN
    seed: int = 1
    latency: Distribution | None = None
    delivery: Delivery | None = None
    receipts: Receipts | None = None
    rules: list[Rule] = Field(default_factory=list)
    accounts: dict[str, AccountScript] = Field(default_factory=dict)


def refusal(code: int, rate: float, status: int = 400) -> Rule:
    """A rule that refuses a share of the numbers with this code."""
    return Rule(match=Match(rate=rate), answer=SendAnswer(kind=AnswerKind.ERROR, status=status, code=code))


PLAIN_DEFAULTS = Rule(latency=Fixed(seconds=0), answer=SendAnswer(), delivery=Delivery(), receipts=Receipts())

REALISTIC_DEFAULTS = Rule(
    latency=Lognormal(median=0.04, sigma=0.35, maximum=0.4),
    answer=SendAnswer(),
    delivery=Delivery(
        delivered=0.955,
        undelivered={30003: 0.014, 30005: 0.009, 30006: 0.006, 30007: 0.004, 30004: 0.002},
        failed={30008: 0.007, 30017: 0.003},
    ),
    receipts=Receipts(
        to_sent=Uniform(low=0.2, high=0.8), to_final=Lognormal(median=1.0, sigma=0.4, maximum=3.0), queued=True
    ),
)
REALISTIC_RULES = (
    refusal(21610, 0.006),
    refusal(21211, 0.003),
    refusal(21614, 0.004),
    refusal(21408, 0.001, 403),
    Rule(
        match=Match(rate=0.0005, times=1),
        answer=SendAnswer(kind=AnswerKind.ERROR, status=429, code=20429, retry_after="1"),
    ),
)
