"""What a gateway's callbacks say, by the configuration: delivery reports, and messages from people."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from pydantic import Field, field_validator

from heliograph.domain.ledger import MessageState
from heliograph.domain.vocabulary import ErrorClass
from heliograph.errors import InvalidInput
from heliograph.providers.custom.documents import BAD_PATH, Document, check_path, relative, text_at
from heliograph.providers.custom.placeholders import REFERENCE_PARAMETER
from heliograph.providers.custom.rules import Code, Name, Part, broken
from heliograph.providers.protocol import (
    InboundMessage,
    ProviderError,
    ProviderRequest,
    StatusReport,
    parse_reference,
)
from heliograph.providers.shared.records import Record, read_records
from heliograph.providers.shared.unpublished import UNSUCCESSFUL, international

ReceiptState = Literal["accepted", "sent", "delivered", "undelivered", "failed"]

_RECORDS_LIMIT: Final = 1000


class Fields(Part):
    """Where the parts of a callback stand.

    A field is named as the gateway names it: in a query or form by its name; in JSON by its name, or a path with dots
    (`data.id`, `results.0.id`); in XML by a path from the root (`/report/id`, `/report/@id`), or from each element of
    `each`.
    """

    each: Name | None = Field(
        default=None,
        description="Where several reports stand in one callback: the path of an array in JSON, of elements in XML.",
    )

    @field_validator("*")
    @classmethod
    def _can_be_followed(cls, value: Any) -> Any:
        if isinstance(value, str) and "/" in value:
            try:
                check_path(value)
            except BAD_PATH as error:
                broken(f"is not a path that can be followed: {error}", "bad_xpath")
        return value

    def records(self, request: ProviderRequest, names: Sequence[str | None]) -> Sequence[Record]:
        """What the callback says of each message; `InvalidInput` for what cannot be read."""
        if request.body.lstrip()[:1] != b"<":
            return read_records(request, array=self.each)
        document = Document(request.body).xml
        if document is None:
            raise InvalidInput.of("body", "is not XML, or has a document type, which is not read")
        elements = [document] if self.each is None else document.findall(relative(self.each))
        if len(elements) > _RECORDS_LIMIT:
            raise InvalidInput.of("body", f"has at most {_RECORDS_LIMIT} reports")
        return [Record({name: text_at(element, name) for name in names if name is not None}) for element in elements]


class Receipts(Fields):
    """How a delivery report is read."""

    id: Name | None = Field(default=None, description="The gateway's id of the message.")
    reference: Name | None = Field(
        default=None, description="Our reference. Not needed where the request gave {{ callback_url }}: it carries it."
    )
    status: Name = Field(description="The status.")
    states: dict[Code, ReceiptState] = Field(
        min_length=1, max_length=200, description="What each word means; upper and lower case are the same."
    )
    error_code: Name | None = Field(default=None, description="The code of an error.")
    errors: dict[Code, ErrorClass] = Field(default={}, max_length=500, description="What a code means.")

    def read(self, request: ProviderRequest) -> Sequence[StatusReport]:
        """The reports; `InvalidInput` naming field and rule."""
        records = self.records(request, (self.id, self.reference, self.status, self.error_code))
        ours = our_reference(request.url) if len(records) == 1 else None
        return [self._report(record, ours) for record in records]

    def _report(self, record: Record, ours: tuple[UUID, int] | None) -> StatusReport:
        status = record.required(self.status)
        state = state_of(self.states, status)
        if state is None:
            raise InvalidInput.of(self.status, f"{status[:40]!r} has no meaning in configuration.receipts.states")
        text = None if self.reference is None else record.text(self.reference)
        reference = ours or (parse_reference(text) if text else None)
        provider_message_id = (None if self.id is None else record.text(self.id)) or ""
        if reference is None and not provider_message_id:
            raise InvalidInput.of(self.id or self.reference or REFERENCE_PARAMETER, "is missing: it names the message")
        error = self._error(record, status) if state in UNSUCCESSFUL else None
        return StatusReport(provider_message_id, status, state, reference, error=error)

    def _error(self, record: Record, status: str) -> ProviderError:
        code = ((None if self.error_code is None else record.text(self.error_code)) or status)[:80]
        return delivery_error(self.errors.get(code, ErrorClass.DELIVERY), code)


class Inbound(Fields):
    """How a message from a person is read."""

    address: Name = Field(description="The number of who wrote.")
    to: Name = Field(description="The number or sender that was written to.")
    body: Name = Field(description="The text.")
    id: Name | None = Field(default=None, description="The gateway's id of the message.")
    prefix: str = Field(
        default="",
        pattern=r"^[0-9]{0,4}$",
        description="Digits to put before the number of who wrote, where it comes without its country code.",
    )

    def read(self, request: ProviderRequest) -> Sequence[InboundMessage]:
        """The messages; `InvalidInput` naming field and rule."""
        return [
            InboundMessage(
                provider_message_id=(None if self.id is None else record.text(self.id)) or "",
                address=international(self.prefix + record.required(self.address), self.address),
                to=record.required(self.to),
                body=record.text(self.body) or "",
            )
            for record in self.records(request, (self.address, self.to, self.body, self.id))
        ]


def state_of(states: Mapping[str, ReceiptState], status: str) -> MessageState | None:
    """What a status word means."""
    folded = status.casefold()
    return next((MessageState(state) for word, state in states.items() if word.casefold() == folded), None)


def delivery_error(error_class: ErrorClass, code: str) -> ProviderError:
    """What a report says went wrong."""
    return ProviderError(error_class, code, f"Not delivered: the gateway reports {code}")


def our_reference(url: str) -> tuple[UUID, int] | None:
    """The reference in the address of a callback, where {{ callback_url }} put it."""
    values = [value for name, value in parse_qsl(urlsplit(url).query) if name == REFERENCE_PARAMETER]
    return parse_reference(values[-1]) if values else None
