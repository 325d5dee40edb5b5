"""Asking a gateway for the status of one message, as the configuration says."""

from pydantic import Field, field_validator

from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import NotFound, Unauthenticated, UpstreamFailed
from heliograph.providers.custom.callbacks import ReceiptState, delivery_error, state_of
from heliograph.providers.custom.documents import Document
from heliograph.providers.custom.extractors import Extractor
from heliograph.providers.custom.placeholders import QUESTION_PLACEHOLDERS
from heliograph.providers.custom.request_templates import check_placeholders
from heliograph.providers.custom.requests import RequestDescription
from heliograph.providers.custom.rules import Code, Part
from heliograph.providers.protocol import StatusReport
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.shared.unpublished import UNSUCCESSFUL


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

    def read(self, name: str, provider_message_id: str, answer: HttpAnswer) -> StatusReport:
        """The report in an answer; `NotFound`, `Unauthenticated` or `UpstreamFailed`. `name` is the gateway's."""
        if answer.status == 404:
            raise NotFound(f"{name} does not have it", code="not_found_at_provider")
        if answer.status in {401, 403}:
            raise Unauthenticated(f"{name} does not accept the credentials")
        if not answer.is_success:
            raise UpstreamFailed(f"{name} answered HTTP {answer.status}", code=f"http_{answer.status}")
        document = Document(answer.body)
        status = self.status.find(document)
        state = None if status is None else state_of(self.states, status)
        if status is None or state is None:
            word = "no status" if status is None else f"the status {status[:40]!r}"
            raise UpstreamFailed(f"{name} answered with {word}, of which configuration.polling.states says nothing")
        error = None
        if state in UNSUCCESSFUL:
            code = ((None if self.error_code is None else self.error_code.find(document)) or status)[:80]
            error = delivery_error(self.errors.get(code, ErrorClass.DELIVERY), code)
        return StatusReport(provider_message_id, status, state, error=error)
