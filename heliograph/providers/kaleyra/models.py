"""What a Kaleyra account needs to be told."""

from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.custom.callbacks import Inbound
from heliograph.providers.custom.rules import Code, Name
from heliograph.providers.shared.dlt import DltRegistration
from heliograph.providers.shared.unpublished import Unpublished

HOSTS: Final = {
    "in": "https://api.in.kaleyra.io",
    "ap": "https://api.ap.kaleyra.io",
    "eu": "https://api.eu.kaleyra.io",
    "global": "https://api.kaleyra.io",
}


class KaleyraCredentials(BaseModel):
    """What a user copies from kaleyra.io, and the user name and password that the callback profile may be given."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    account_sid: str = Field(pattern=r"^[A-Za-z0-9]{8,40}$", description="Account SID: letters and digits.")
    api_key: SecretStr = Field(min_length=1, max_length=128, description="API key of the account.")
    callback_username: str | None = Field(
        default=None, min_length=1, max_length=128, pattern=r"^[^:]+$", description="User name in the callback profile."
    )
    callback_password: SecretStr | None = Field(
        default=None, min_length=1, max_length=128, description="Password in the callback profile."
    )

    @model_validator(mode="after")
    def _name_and_password_go_together(self) -> Self:
        if (self.callback_username is None) != (self.callback_password is None):
            raise ValueError("callback_username and callback_password are given together, or neither")
        return self


class KaleyraConfiguration(Unpublished):
    """What else an account needs."""

    region: Literal["in", "ap", "eu", "global"] = Field(description="Where the account lives: decides the host.")
    callback_profile_id: str | None = Field(
        default=None, min_length=1, max_length=100, description="The callback profile for delivery reports."
    )
    message_id: Name = Field(
        default="data.0.message_id", description="Where the id of the message stands in the reply to a request."
    )
    errors: dict[Code, ErrorClass] = Field(
        default_factory=dict, description="What kind of refusal an error code is: Kaleyra publishes no list."
    )
    dlt: DltRegistration = Field(default=DltRegistration(), description="The registration with India's operators.")
    inbound: Inbound = Field(
        default=Inbound(address="source", to="recipient", body="message", id="id"),
        description="How messages from people are read: by default as in Kaleyra's own example of a profile.",
    )
