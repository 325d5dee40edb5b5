"""What a provider does not publish is configuration: how its reply, its receipts and its inbound messages are read.

Nothing here has a default that could be wrong. Field names and words come from the provider's account manager, or from
a first reply and a first callback looked at by eye; docs/providers/ says for each provider what has to be asked.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import (
    InboundMessage,
    ProviderError,
    ProviderRequest,
    StatusReport,
    parse_reference,
)
from heliograph.providers.shared.records import Record, read_records

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A field's name in a query or form; in JSON also a path with dots."""

ReceiptState = Literal["accepted", "sent", "delivered", "undelivered", "failed"]

UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})


class Unpublished(BaseModel):
    """A configuration with fields that only the provider can tell: those without a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_told(cls, values: Any) -> Any:
        if isinstance(values, dict):
            missing = [name for name, field in cls.model_fields.items() if field.is_required() and name not in values]
            if missing:
                raise PydanticCustomError(
                    "not_configured",
                    "{missing} has to be configured: only the provider can tell it, so ask your account manager",
                    {"missing": ", ".join(missing)},
                )
        return values


class ReceiptFields(Unpublished):
    """How a delivery report is read: from a query, a form, a JSON object or a JSON array of objects."""

    id: Name | None = Field(default=None, description="Field with the id that the reply to the request gave.")
    reference: Name | None = Field(default=None, description="Field with our own reference, where it is sent back.")
    status: Name = Field(description="Field with the status.")
    states: dict[Name, ReceiptState] = Field(
        min_length=1, description="What each status word means; upper and lower case are the same."
    )
    code: Name | None = Field(default=None, description="Field with the code of an error.")
    errors: dict[Name, ErrorClass] = Field(default_factory=dict, description="What kind of error a code is.")
    array: Name | None = Field(default=None, description="Where the array of reports stands, if it is not the body.")

    @model_validator(mode="after")
    def _message_is_named(self) -> Self:
        if self.id is None and self.reference is None:
            raise ValueError("id or reference has to be given: a report must name its message")
        return self

    def read(self, request: ProviderRequest) -> Sequence[StatusReport]:
        """The reports in a callback; `InvalidInput` naming field and rule."""
        states = {word.casefold(): MessageState(state) for word, state in self.states.items()}
        return [self._report(record, states) for record in read_records(request, array=self.array)]

    def _report(self, record: Record, states: Mapping[str, MessageState]) -> StatusReport:
        status = record.required(self.status)
        state = states.get(status.casefold())
        if state is None:
            raise InvalidInput.of(self.status, f"{status[:40]!r} has no meaning in configuration.receipts.states")
        reference = self.reference and record.text(self.reference)
        named = parse_reference(reference) if reference else None
        provider_message_id = self.id and record.text(self.id)
        if named is None and not provider_message_id:
            raise InvalidInput.of(self.id or self.reference or "id", "is missing, or does not name a message")
        return StatusReport(
            provider_message_id=provider_message_id or "",
            provider_status=status,
            state=state,
            reference=named,
            error=self._error(record, status) if state in UNSUCCESSFUL else None,
        )

    def _error(self, record: Record, status: str) -> ProviderError:
        code = (self.code and record.text(self.code)) or status
        error_class = self.errors.get(code, ErrorClass.DELIVERY)
        return ProviderError(error_class, code[:80], f"Not delivered: the provider reports {code[:80]}")


class InboundFields(Unpublished):
    """How a message from a person is read, in the same ways as a report."""

    address: Name = Field(description="Field with the number of who wrote.")
    to: Name = Field(description="Field with the number or header that was written to.")
    body: Name = Field(description="Field with the text.")
    id: Name | None = Field(default=None, description="Field with the provider's id of the message.")
    prefix: str = Field(
        default="",
        pattern=r"^[0-9]{0,4}$",
        description="Digits to put before the number of who wrote, where it comes without its country code.",
    )
    array: Name | None = Field(default=None, description="Where the array of messages stands, if it is not the body.")

    def read(self, request: ProviderRequest) -> Sequence[InboundMessage]:
        """The messages in a callback; `InvalidInput` naming field and rule."""
        return [
            InboundMessage(
                provider_message_id=(self.id and record.text(self.id)) or "",
                address=international(self.prefix + record.required(self.address), self.address),
                to=record.required(self.to),
                body=record.text(self.body) or "",
            )
            for record in read_records(request, array=self.array)
        ]


def international(number: str, field: str) -> str:
    """E.164 of a number that a provider writes with its country code, with + or without."""
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        raise InvalidInput.of(field, "is a phone number with its country code")
    return f"+{digits}"


def read_receipts(fields: ReceiptFields | None, request: ProviderRequest) -> Sequence[StatusReport]:
    """The reports; `InvalidInput` where it was never configured how they are read."""
    if fields is None:
        raise _not_configured("receipts", "how its delivery reports are read")
    return fields.read(request)


def read_inbound(fields: InboundFields | None, request: ProviderRequest) -> Sequence[InboundMessage]:
    """The messages; `InvalidInput` where it was never configured how they are read."""
    if fields is None:
        raise _not_configured("inbound", "how its inbound messages are read")
    return fields.read(request)


def _not_configured(field: str, what: str) -> InvalidInput:
    return InvalidInput.of(
        f"configuration.{field}",
        f"has to be configured: the provider does not publish {what}, so ask your account manager",
        "not_configured",
    )
