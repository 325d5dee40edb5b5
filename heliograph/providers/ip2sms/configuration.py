"""What a user tells of an IP2SMS account, and the kinds of its senders."""

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from heliograph.errors import InvalidInput
from heliograph.providers.protocol import SenderKind
from heliograph.providers.shared.guarded import GivenUrl
from heliograph.providers.shared.unpublished import Unpublished

BATCH_SIZE: Final = 100
_FIELD: Final = "address"
_NAME: Final = re.compile(r"[ -~]{1,11}")
_DIGITS: Final = re.compile(r"[0-9]{1,15}")

_Span = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+[0-9]{1,4} [a-z]{1,10}$")]


class Ip2smsCredentials(BaseModel):
    """What the operator gives with the account."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    login: str = Field(min_length=1, max_length=128, pattern=r"^[^:\x00-\x1f]+$", description="Login of the account.")
    password: SecretStr = Field(min_length=1, max_length=128, description="Password of the account.")


class Ip2smsConfiguration(Unpublished):
    """Several operators and resellers run this protocol, each under addresses of its own."""

    send_url: GivenUrl = Field(description="Where messages are sent to, as https://api.operator.example/ip2sms/.")
    status_url: GivenUrl = Field(
        description="Where states are asked for, as https://api.operator.example/ip2sms-request/."
    )
    format: Literal["xml", "json"] = Field(default="xml", description="What requests and answers are written in.")
    validity: _Span | None = Field(
        default=None, description='How long the operator tries to deliver, as "+12 hours". Without it as it pleases.'
    )
    description: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="`desc` of every request: shown in the operator's pages.",
    )
    unique_keys: bool = Field(
        default=True, description="Send our reference as `uniq_key`, so that the operator takes no request twice."
    )
    messages_per_request: int = Field(
        default=1,
        ge=1,
        le=BATCH_SIZE,
        description="Above 1 messages go out together (`individual`). Their ids are taken to come in our order.",
    )
    xml_group_request: str | None = Field(
        default=None,
        pattern=r"^[a-z]{1,20}$",
        description='The word that asks for the messages of a group: <request groupid="…">WORD</request>. '
        "Not published; without it each message is asked for.",
    )


def _check_name(address: str) -> str:
    address = address.strip()
    if not _NAME.fullmatch(address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has from 1 to 11 printable ASCII characters")
    if not any(character.isalpha() for character in address):
        raise InvalidInput.of(_FIELD, "an alphanumeric sender has at least one letter: digits alone are a number")
    return address


def _check_number(address: str) -> str:
    address = address.strip()
    if not _DIGITS.fullmatch(address):
        raise InvalidInput.of(_FIELD, "a number has from 1 to 15 digits and nothing else")
    return address


SENDER_KINDS: Final[Sequence[SenderKind]] = (
    SenderKind("alphanumeric", "Alphanumeric sender", _check_name),
    SenderKind("short_code", "Number", _check_number),
)
