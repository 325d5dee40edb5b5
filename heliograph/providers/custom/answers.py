"""What an answer of the gateway means for the message."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.custom.documents import Document
from heliograph.providers.custom.extractors import Extractor
from heliograph.providers.custom.rules import Code, Part
from heliograph.providers.protocol import Accepted, Outcome, ProviderError
from heliograph.providers.shared.http import HttpAnswer
from heliograph.providers.shared.outcomes import in_doubt, of_error, of_status, unreadable
from heliograph.providers.shared.scrubbing import scrub

ANY_CODE: Final = "*"
"""In `errors`: every code that is not listed."""

_LONGEST_ID: Final = 200

Status = Annotated[int, Field(ge=200, le=599)]


class Condition(Part):
    """A value of the answer that tells success."""

    value: Extractor
    equals: tuple[Code, ...] = Field(min_length=1, description="Any of these words; upper and lower case differ.")

    def holds(self, document: Document) -> bool:
        """Whether the answer has one of the words there."""
        return self.value.find(document) in self.equals


class AnswerRules(Part):
    """How an answer to a request to send is read."""

    success_from: Status = Field(default=200, description="The lowest HTTP status of success.")
    success_to: Status = Field(default=299, description="The highest.")
    success: Condition | None = Field(
        default=None, description="What must hold besides, for gateways that answer 200 to what they refuse."
    )
    id: Extractor | None = Field(
        description="The gateway's id of the message. null: it gives none, and our reference stands for it."
    )
    error_code: Extractor | None = Field(default=None, description="The code of a refusal.")
    error_message: Extractor | None = Field(default=None, description="Its words; numbers and addresses are taken out.")
    errors: dict[Code, ErrorClass] = Field(
        default={},
        max_length=500,
        description="What a code means. rate_limited, not_processed, auth and account say that the message was not "
        'processed, and it stays in the queue. "*" is for every code that is not listed.',
    )
    statuses: dict[Status, ErrorClass] = Field(
        default={}, description="What an HTTP status means where no code tells, as the gateway documents it."
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.success_from > self.success_to:
            raise ValueError("success_from is not above success_to")
        if self.errors and self.error_code is None:
            raise ValueError("error_code has to say where the codes of errors stand")
        return self

    def outcome(self, name: str, answer: HttpAnswer, reference: str) -> Outcome:
        """What became of the message that `reference` names; `name` is the gateway's."""
        document = Document(answer.body)
        if self._succeeded(answer, document):
            provider_message_id = reference if self.id is None else self.id.find(document)
            if provider_message_id is None or len(provider_message_id) > _LONGEST_ID:
                return self._refusal(name, answer, document) or unreadable(name, answer)
            return Accepted(provider_message_id, f"http_{answer.status}")
        return self._refusal(name, answer, document) or self._by_status(name, answer, document)

    def _succeeded(self, answer: HttpAnswer, document: Document) -> bool:
        if not self.success_from <= answer.status <= self.success_to:
            return False
        return self.success is None or self.success.holds(document)

    def _refusal(self, name: str, answer: HttpAnswer, document: Document) -> Outcome | None:
        """By the gateway's code, where it has one that means something."""
        code = self._code(document)
        if code is None:
            return None
        error_class = self.errors.get(code) or self.errors.get(ANY_CODE)
        if error_class is None:
            return None
        return of_error(self._error(name, error_class, code, document), answer.retry_after)

    def _by_status(self, name: str, answer: HttpAnswer, document: Document) -> Outcome:
        known = self.statuses.get(answer.status)
        code = self._code(document)
        if known is not None:
            return of_error(self._error(name, known, code or f"http_{answer.status}", document), answer.retry_after)
        if 200 <= answer.status < 300:
            return in_doubt("unreadable_answer", f"{name} answered HTTP {answer.status} without a word that is known")
        # A 4xx with a code is the gateway's own refusal; without one, something between us may have spoken.
        return of_status(name, answer, None if code is None else self._error(name, ErrorClass.OTHER, code, document))

    def _code(self, document: Document) -> str | None:
        code = None if self.error_code is None else self.error_code.find(document)
        return None if code is None else code[:80]

    def _error(self, name: str, error_class: ErrorClass, code: str, document: Document) -> ProviderError:
        words = None if self.error_message is None else self.error_message.find(document)
        return ProviderError(error_class, code, scrub(words or "") or f"{name} reports {code}")
