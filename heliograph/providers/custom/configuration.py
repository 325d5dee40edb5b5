"""Everything about a gateway that is not secret, as one document."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.custom.answers import AnswerRules
from heliograph.providers.custom.authentication import Authentication, NoAuthentication
from heliograph.providers.custom.callback_checks import CallbackCheck, SecretAddress
from heliograph.providers.custom.callbacks import Inbound, Receipts, ReceiptState
from heliograph.providers.custom.extractors import Extractor
from heliograph.providers.custom.placeholders import PLACEHOLDERS, QUESTION_PLACEHOLDERS
from heliograph.providers.custom.request_templates import check_placeholders
from heliograph.providers.custom.requests import RequestDescription
from heliograph.providers.custom.rules import Code, Part


class Polling(Part):
    """How the gateway is asked for the status of a message. Its own id of it is {{ id }}."""

    request: RequestDescription
    status: Extractor
    states: dict[Code, ReceiptState] = Field(
        min_length=1, max_length=200, description="What each word means; upper and lower case are the same."
    )
    error_code: Extractor | None = None
    errors: dict[Code, ErrorClass] = Field(default={}, max_length=500)

    @field_validator("request")
    @classmethod
    def _asks_for_what_there_is(cls, request: RequestDescription) -> RequestDescription:
        check_placeholders(request, QUESTION_PLACEHOLDERS)
        return request


class CustomConfiguration(BaseModel):
    """What an HTTP gateway wants, and how its answers and callbacks are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request: RequestDescription = Field(description="The request that sends one message.")
    answer: AnswerRules = Field(description="What its answer means.")
    authentication: Authentication = Field(default=NoAuthentication())
    receipts: Receipts | None = Field(default=None, description="Delivery reports, at the connector's status address.")
    inbound: Inbound | None = Field(default=None, description="Messages from people, at its inbound address.")
    callbacks: CallbackCheck = Field(default=SecretAddress(), description="What proves who sent a callback.")
    polling: Polling | None = Field(default=None, description="How to ask for a status that was never reported.")

    @field_validator("request")
    @classmethod
    def _says_what_there_is(cls, request: RequestDescription) -> RequestDescription:
        check_placeholders(request, PLACEHOLDERS)
        return request
