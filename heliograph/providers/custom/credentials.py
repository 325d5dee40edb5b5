"""What is secret of a custom connector. Which of it is needed, its configuration says."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

SecretName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class CustomCredentials(BaseModel):
    """Everything is optional here; the configuration names what must be there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str | None = Field(default=None, max_length=200, description="For basic authentication.")
    password: Secret | None = Field(default=None, description="For basic authentication.")
    token: Secret | None = Field(default=None, description="For bearer authentication.")
    client_id: str | None = Field(default=None, max_length=200, description="For OAuth2 client credentials.")
    client_secret: Secret | None = Field(default=None, description="For OAuth2 client credentials.")
    signing_key: Secret | None = Field(default=None, description="Signs our requests (HMAC).")
    callback_username: str | None = Field(default=None, max_length=200, description="Of callbacks with basic access.")
    callback_secret: Secret | None = Field(
        default=None, description="Proves callbacks: a header's value, the password of basic access, or an HMAC key."
    )
    secrets: dict[SecretName, Secret] = Field(
        default={}, max_length=20, description="More secrets by name, for {{ secrets.name }} in the request."
    )

    def secret(self, field: str) -> str:
        """A field in clear; KeyError when it is not there."""
        value = getattr(self, field)
        if not value:
            raise KeyError(field)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def named(self) -> dict[str, str]:
        """The named secrets in clear."""
        return {name: value.get_secret_value() for name, value in self.secrets.items()}

    def all_in_clear(self) -> list[str]:
        """Everything that must never be shown."""
        fields = (self.password, self.token, self.client_secret, self.signing_key, self.callback_secret)
        found = [value.get_secret_value() for value in (*fields, *self.secrets.values()) if value is not None]
        if self.password is not None:  # encoded as one, it shows the password in no form of its own
            found.append(f"{self.username}:{self.password.get_secret_value()}")
        return found
