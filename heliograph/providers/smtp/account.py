"""What an SMTP connector is told: where its relay is, how to sign on, and where bounces go."""

import re
import ssl
from functools import lru_cache
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from heliograph.domain.email_addresses import normalise_email_address
from heliograph.errors import InvalidInput

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?")
_EHLO_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
_LONGEST_LOCAL_PART: Final = 64  # octets (RFC 5321, 4.5.3.1.1)
_VERP_LENGTH: Final = 1 + 32 + 1 + 4  # "+", the message's id, ".", the attempt


def _bounce_address(text: str) -> str:
    try:
        address = normalise_email_address(text)
    except InvalidInput as error:
        raise ValueError("is not an e-mail address") from error
    if not address.isascii():
        raise ValueError("has ASCII characters only: every server must be able to bounce to it")
    return address


class SmtpCredentials(BaseModel):
    """What signs on at the relay; neither for a relay that knows its clients by their addresses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str | None = Field(default=None, min_length=1, max_length=320, description="User name at the relay.")
    password: SecretStr | None = Field(default=None, min_length=1, max_length=1024, description="Its password.")

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password are given both, or neither")
        return self


class SmtpConfiguration(BaseModel):
    """The relay, and how to use it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    host: str = Field(pattern=f"^(?:{_HOST.pattern})$", description="Name or IP address of the relay.")
    port: int = Field(default=587, ge=1, le=65535, description="587 for submission, 465 with implicit TLS, 25.")
    tls: Literal["none", "starttls", "implicit"] = Field(
        default="starttls",
        description="starttls: plain at first, and nothing is sent unless TLS begins; implicit: TLS from the start.",
    )
    ca_certificate: str | None = Field(
        default=None,
        max_length=20_000,
        description="A certificate in PEM that is trusted in place of the system's, for a relay with one of its own.",
    )
    ehlo_name: str | None = Field(
        default=None,
        pattern=f"^(?:{_EHLO_NAME.pattern})$",
        description="How we call ourselves; by default the address of our end of the connection in brackets.",
    )
    bounce_address: Annotated[str, AfterValidator(_bounce_address)] | None = Field(
        default=None, description="The envelope sender, to which bounces go; by default the sender's address."
    )
    verp: bool = Field(
        default=False,
        description="Give each message an envelope sender of its own, bounces+<message>@…: any bounce names it.",
    )
    delivery_notices: Literal["failures", "all"] | None = Field(
        default=None, description="Which notices to ask a relay for that knows DSN (RFC 3461); none: its own choice."
    )
    connections: int = Field(default=8, ge=1, le=64, description="Connections to the relay, per worker process.")
    messages_per_connection: int = Field(
        default=100, ge=1, le=10_000, description="After so many messages a connection is closed and a new one opened."
    )
    idle_seconds: float = Field(default=10.0, gt=0, le=300, description="How long an unused connection stays open.")
    retry_seconds: int = Field(
        default=300,
        ge=1,
        le=86_400,
        description="When to come back after a temporary refusal (4xx): servers that greylist want some minutes.",
    )

    @model_validator(mode="after")
    def _verp_has_room(self) -> Self:
        if not self.verp:
            return self
        if self.bounce_address is None:
            raise ValueError("verp needs a bounce_address to make addresses from")
        local_part = self.bounce_address.rpartition("@")[0]
        if "+" in local_part or len(local_part) + _VERP_LENGTH > _LONGEST_LOCAL_PART:
            raise ValueError(
                "with verp the bounce_address has no + and at most "
                f"{_LONGEST_LOCAL_PART - _VERP_LENGTH} characters before the @"
            )
        return self

    @model_validator(mode="after")
    def _certificate_can_be_read(self) -> Self:
        if self.ca_certificate is not None:
            tls_context(self.ca_certificate)
        return self


@lru_cache(maxsize=32)
def tls_context(ca_certificate: str | None) -> ssl.SSLContext:
    """Verifies name and certificate; ValueError for a certificate that is none."""
    try:
        return ssl.create_default_context(cadata=ca_certificate)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError("ca_certificate is a certificate in PEM, from BEGIN to END CERTIFICATE") from error
