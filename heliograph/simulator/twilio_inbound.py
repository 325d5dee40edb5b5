"""Messages from people, handed on as Twilio does to the webhook of a number."""

from typing import Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from heliograph.simulator.delivery import Callback
from heliograph.simulator.segments import count_segments
from heliograph.simulator.twilio_callbacks import signed

_API_VERSION: Final = "2010-04-01"


class Inbound(BaseModel):
    """What a person writes, and where Twilio is to hand it on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: str = Field(description="The account SID whose auth token signs.")
    url: str = Field(pattern="^https?://", description="The webhook.")
    person: str
    to: str
    body: str
    opt_out_type: Literal["STOP", "START", "HELP"] | None = Field(
        default=None, description="With Advanced Opt-Out: what Twilio made of it and has answered."
    )
    sid: str = Field(default_factory=lambda: f"SM{uuid4().hex}", description="Give one again to repeat a webhook.")


def word(message: Inbound, auth_token: str) -> Callback:
    """The one request."""
    parameters = {
        "AccountSid": message.account,
        "ApiVersion": _API_VERSION,
        "Body": message.body,
        "From": message.person,
        "MessageSid": message.sid,
        "NumMedia": "0",
        "NumSegments": str(count_segments(message.body)),
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "To": message.to,
    }
    if message.opt_out_type is not None:
        parameters["OptOutType"] = message.opt_out_type
    return signed(message.url, sorted(parameters.items()), auth_token)
