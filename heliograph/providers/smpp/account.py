"""What an SMPP connector is told. Whatever SMSCs differ in is said here; nothing is guessed from the outside."""

import ssl
from functools import lru_cache
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from heliograph.domain.vocabulary import ErrorClass

_HOST: Final = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?)$"
_ASCII: Final = r"^[\x21-\x7e]*$"
_LARGEST_STATUS: Final = 0xFFFFFFFF


class SmppCredentials(BaseModel):
    """Who binds. The lengths are those of SMPP 3.4."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system_id: str = Field(min_length=1, max_length=15, pattern=_ASCII, description="system_id of the account.")
    password: SecretStr = Field(
        min_length=1, max_length=64, description="Its password; SMPP 3.4 allows 8 characters, some SMSCs more."
    )


class Numbering(BaseModel):
    """Type of number and numbering plan of an address (SMPP 3.4, 5.2.5 and 5.2.6)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ton: int = Field(ge=0, le=6, description="0 unknown, 1 international, 2 national, 3 network, 5 alphanumeric …")
    npi: int = Field(ge=0, le=18, description="0 unknown, 1 E.164, …")


def _status(text: str) -> str:
    """A command_status as "0x…" in lower case."""
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 1 <= number <= _LARGEST_STATUS:
        raise ValueError("a command_status is a number from 1, as 1025 or 0x401")
    return f"{number:#x}"


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not an IANA time zone, as Europe/Berlin")
    return name


Status = Annotated[str, AfterValidator(_status)]


class SmppConfiguration(BaseModel):
    """The SMSC, and how it wants to be spoken to."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    # -- the connection
    host: str = Field(pattern=_HOST, description="Name or IP address of the SMSC.")
    port: int = Field(default=2775, ge=1, le=65535, description="2775 is the registered port; many use another.")
    tls: bool = Field(default=False, description="TLS from the start.")
    ca_certificate: str | None = Field(
        default=None,
        max_length=20_000,
        description="A certificate in PEM that is trusted in place of the system's.",
    )
    system_type: str = Field(default="", max_length=12, pattern=_ASCII, description="As the SMSC tells; often empty.")
    address_range: str = Field(default="", max_length=40, pattern=_ASCII, description="Which numbers the bind is for.")
    binds: int = Field(
        default=1, ge=1, le=16, description="Transceiver binds of each process that sends, and of the listener."
    )
    window: int = Field(
        default=10, ge=1, le=1000, description="Unanswered submit_sm per bind; SMPP 3.4 recommends at most 10."
    )
    enquire_link_seconds: float = Field(
        default=30.0, ge=1, le=3600, description="Silence after which the SMSC is asked whether it is still there."
    )

    # -- texts
    alphabet: Literal["gsm7", "latin1", "ucs2"] = Field(
        default="gsm7",
        description="How a text travels whose characters allow it: data_coding 0, 3 or 8; every other as UCS-2.",
    )
    default_alphabet: Literal["gsm7", "latin1"] = Field(
        default="gsm7", description="What the SMSC means by data_coding 0 in messages from people."
    )
    long_messages: Literal["udh8", "udh16", "sar", "payload"] = Field(
        default="udh8",
        description="Parts by UDH with a reference of 8 or 16 bits, by SAR parameters, or whole as message_payload.",
    )

    # -- submit_sm
    service_type: str = Field(default="", max_length=5, pattern=_ASCII, description="As the SMSC tells; often empty.")
    receipts: Literal["final", "failures", "final_and_intermediate", "none"] = Field(
        default="final", description="registered_delivery: which receipts are asked for."
    )
    validity_seconds: int | None = Field(
        default=None, ge=60, le=30 * 86_400, description="How long the SMSC tries; none: its own choice."
    )
    recipients: Numbering = Field(default=Numbering(ton=1, npi=1), description="Of recipients, always in E.164.")
    long_code: Numbering = Field(default=Numbering(ton=1, npi=1), description="Of senders that are phone numbers.")
    short_code: Numbering = Field(default=Numbering(ton=3, npi=0), description="Of senders that are short codes.")
    alphanumeric: Numbering = Field(default=Numbering(ton=5, npi=0), description="Of senders that are names.")

    # -- answers and receipts
    throttle_seconds: float = Field(
        default=1.0, ge=0.1, le=300, description="How long nothing is sent after the SMSC said that it is too much."
    )
    statuses: dict[Status, ErrorClass] = Field(
        default_factory=dict,
        description="The SMSC's own command_status values (0x400 and up, say), each with its class.",
    )
    delivery_errors: dict[str, ErrorClass] = Field(
        default_factory=dict, description="The `err` values of its receipts, each with its class; delivery by default."
    )
    message_ids: Literal["any_base", "exact"] = Field(
        default="any_base",
        description="any_base: an id in a receipt may be decimal where the answer's was hexadecimal, or the reverse.",
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="Of the dates in receipts, which name none."
    )

    @model_validator(mode="after")
    def _certificate_can_be_read(self) -> Self:
        if self.ca_certificate is not None:
            tls_context(self.ca_certificate)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Where the SMSC's clock stands."""
        return ZoneInfo(self.time_zone)


@lru_cache(maxsize=32)
def tls_context(ca_certificate: str | None) -> ssl.SSLContext:
    """Verifies name and certificate; ValueError for a certificate that is none."""
    try:
        return ssl.create_default_context(cadata=ca_certificate)
    except ssl.SSLError as error:
        raise ValueError("ca_certificate is no certificate in PEM") from error
