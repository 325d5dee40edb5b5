"""Audiences, rows and imports as callers see them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from heliograph.db.tables import Audience, AudienceImport, AudienceRow
from heliograph.db.tables.audiences import ImportStatus
from heliograph.domain.csv.rules import EXPLANATIONS, rule_of
from heliograph.services.import_reports import Preview


class AudienceAnswer(BaseModel):
    """A data set of recipients."""

    id: UUID
    name: str
    description: str
    default_region: str | None = Field(description="ISO 3166-1 alpha-2, for numbers without a country code.")
    columns: list[str] = Field(description="The variables that templates can use.")
    row_count: int = Field(description="Rows of completed imports; those of one under way join at its end.")
    duplicate_count: int = Field(description="Rows whose number an earlier row has: they are not sent to twice.")
    created_at: datetime
    updated_at: datetime


class RejectReason(BaseModel):
    """Rows rejected by one rule."""

    rule: str
    reason: str = Field(description="The rule as a sentence about the row.")
    rows: int


class ImportAnswer(BaseModel):
    """An import and how far it is."""

    id: UUID
    audience_id: UUID
    status: ImportStatus
    file_name: str
    size: int = Field(description="Bytes.")
    bytes_read: int
    percent: int
    lines_read: int
    rows_added: int
    rows_rejected: int
    duplicates: int = Field(description="Rows added whose number an earlier row has; counted at the end.")
    reasons: list[RejectReason] = Field(description="Why rows were rejected, the commonest first.")
    error: str | None = Field(description="Why the file as a whole could not be read to its end.")
    created_at: datetime
    finished_at: datetime | None


class RowAnswer(BaseModel):
    """A recipient."""

    number: int = Field(description="Counted from 1 in the order of import.")
    address: str = Field(description="The number in E.164.")
    region: str | None = Field(description="ISO 3166-1 alpha-2 of the number.")
    duplicate_of: int | None = Field(description="The first row with this address.")
    variables: dict[str, str]


class PreviewRowAnswer(BaseModel):
    """A row as it would be kept, or the rule by which it would be rejected."""

    line: int
    address: str | None
    region: str | None
    variables: dict[str, str]
    rule: str | None
    reason: str | None


class PreviewAnswer(BaseModel):
    """How a file would be read."""

    encoding: str
    separator: str
    columns: list[str] = Field(description="The header as written.")
    phone_column: str
    country_column: str | None
    variables: list[str] = Field(description="The names templates know the other columns by.")
    rows: list[PreviewRowAnswer]


def show_audience(audience: Audience) -> AudienceAnswer:
    """An audience to its caller."""
    return AudienceAnswer.model_validate(audience, from_attributes=True)


def show_import(record: AudienceImport) -> ImportAnswer:
    """An import to its caller."""
    reasons = sorted(record.reasons.items(), key=lambda item: (-item[1], item[0]))
    return ImportAnswer(
        **record.model_dump(include=set(ImportAnswer.model_fields) - {"reasons", "percent"}),
        percent=100 * record.bytes_read // record.size if record.size else 100,
        reasons=[RejectReason(rule=rule, reason=EXPLANATIONS[rule_of(rule)], rows=count) for rule, count in reasons],
    )


def show_row(row: AudienceRow) -> RowAnswer:
    """A recipient to its caller."""
    return RowAnswer.model_validate(row, from_attributes=True)


def show_preview(preview: Preview) -> PreviewAnswer:
    """A preview to its caller."""
    layout = preview.layout
    return PreviewAnswer(
        encoding=layout.encoding,
        separator=layout.separator,
        columns=layout.header,
        phone_column=layout.header[layout.phone],
        country_column=None if layout.country is None else layout.header[layout.country],
        variables=layout.variables,
        rows=[PreviewRowAnswer.model_validate(row, from_attributes=True) for row in preview.rows],
    )
