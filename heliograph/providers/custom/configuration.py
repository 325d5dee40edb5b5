"""Everything about a gateway that is not secret, as one document."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from heliograph.outbound.origin import Origin
from heliograph.providers.custom.access_token import OAuth2
from heliograph.providers.custom.answers import AnswerRules
from heliograph.providers.custom.authentication import Authentication, NoAuthentication, written_headers
from heliograph.providers.custom.callback_checks import CallbackCheck, SecretAddress
from heliograph.providers.custom.callbacks import Inbound, Receipts
from heliograph.providers.custom.placeholders import PLACEHOLDERS
from heliograph.providers.custom.polling import Polling
from heliograph.providers.custom.request_templates import check_placeholders
from heliograph.providers.custom.requests import RequestDescription


class CustomConfiguration(BaseModel):
    """What an HTTP gateway wants, and how its answers and callbacks are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: RequestDescription = Field(description="The request that sends one message.")
    answer: AnswerRules = Field(description="What its answer means.")
    authentication: Authentication = Field(default=NoAuthentication(), description="How the gateway knows us.")
    receipts: Receipts | None = Field(default=None, description="Delivery reports, at the connector's status address.")
    inbound: Inbound | None = Field(default=None, description="Messages from people, at its inbound address.")
    callbacks: CallbackCheck = Field(default=SecretAddress(), description="What proves who sent a callback.")
    polling: Polling | None = Field(default=None, description="How to ask for a status that was never reported.")

    @field_validator("request")
    @classmethod
    def _says_what_there_is(cls, request: RequestDescription) -> RequestDescription:
        check_placeholders(request, PLACEHOLDERS)
        return request

    @model_validator(mode="after")
    def _writes_no_header_twice(self) -> Self:
        ours = {name.lower() for name in written_headers(self.authentication)}
        for where, request in self._requests().items():
            twice = next((name for name in request.headers if name.lower() in ours), None)
            if twice is not None:
                raise ValueError(f"{where}.headers: {twice} is written by the authentication")
        return self

    def _requests(self) -> Mapping[str, RequestDescription]:
        asked = {} if self.polling is None else {"polling.request": self.polling.request}
        return {"request": self.request, **asked}

    def origins(self) -> Mapping[str, Origin]:
        """Where requests go, by the field that says so."""
        origins = {f"configuration.{where}.url": request.origin for where, request in self._requests().items()}
        if isinstance(self.authentication, OAuth2):
            field = "configuration.authentication.token_url"
            origins[field] = Origin.of(self.authentication.token_url, field=field)
        return origins
