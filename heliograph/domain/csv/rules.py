"""Why a row is rejected, as a stable code and as a sentence for the person who mends the file."""

from enum import StrEnum
from typing import Final

from heliograph.domain.phone_numbers import NumberRule


class RowRule(StrEnum):
    """What can be wrong with a row as such; `NumberRule` is what can be wrong with its number."""

    NOT_DECODABLE = "not_decodable"
    CONTROL_CHARACTER = "control_character"
    MALFORMED = "malformed"
    FIELD_COUNT = "field_count"
    UNCLOSED_QUOTE = "unclosed_quote"
    TOO_LONG = "row_too_long"
    UNKNOWN_REGION = "unknown_region"


Rule = RowRule | NumberRule

EXPLANATIONS: Final[dict[Rule, str]] = {
    RowRule.NOT_DECODABLE: "holds bytes that are not text in the file's encoding; declare the encoding it was saved in",
    RowRule.CONTROL_CHARACTER: "holds a NUL character, which no text has",
    RowRule.MALFORMED: "breaks the quoting rules: a closing quote must be followed by the separator or the line's end",
    RowRule.FIELD_COUNT: "has another number of fields than the header",
    RowRule.UNCLOSED_QUOTE: "opens a quote that is never closed, or not within 1 MiB",
    RowRule.TOO_LONG: "is longer than 1 MiB",
    RowRule.UNKNOWN_REGION: "the country is not an ISO 3166-1 code of two letters, which a number without + needs",
    NumberRule.MISSING: "has no phone number",
    NumberRule.NOT_A_NUMBER: "is not a phone number",
    NumberRule.SCIENTIFIC: "was cut off by a spreadsheet (4.9E+11); format the column as text and export again",
    NumberRule.EXTENSION: "has an extension, which a message cannot reach",
    NumberRule.NO_REGION: "has no country code; write it with + or give the import a default region",
    NumberRule.UNKNOWN_COUNTRY: "begins with a country code that does not exist",
    NumberRule.TOO_SHORT: "is too short for its country",
    NumberRule.TOO_LONG: "is too long for its country",
    NumberRule.INVALID: "is not in use in its country's numbering plan",
}


def rule_of(code: str) -> Rule:
    """The rule with this code."""
    return next(rule for rule in EXPLANATIONS if rule.value == code)
