"""Phone numbers: any way people write them, to E.164 and the region of the number.

`phonenumbers` (Google's libphonenumber) is the authority; it takes 30 µs a number. Most numbers of a list are written
in one of two plain ways, so `_quickly` reads those with the library's own compiled patterns, in about 2 µs. It only
ever accepts: what it does not recognise at once goes to the library. A property test over every region holds it to
the library's verdict.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, NumberParseException, PhoneMetadata, PhoneNumberDesc

REGIONS: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The ISO 3166-1 alpha-2 codes that can stand as a default region."""


class PhoneNumber(NamedTuple):
    """A number that the numbering plan of its region allows."""

    e164: str
    region: str | None  # ISO 3166-1 alpha-2; None for numbers of no country (satellite, international freephone)


class NumberRule(StrEnum):
    """Why a text is not a usable number."""

    MISSING = "number_missing"
    NOT_A_NUMBER = "not_a_number"
    SCIENTIFIC = "number_in_scientific_notation"
    EXTENSION = "number_with_extension"
    NO_REGION = "number_without_country"
    UNKNOWN_COUNTRY = "unknown_country_code"
    TOO_SHORT = "number_too_short"
    TOO_LONG = "number_too_long"
    INVALID = "number_not_valid_in_region"


_OF_PARSER: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: NumberRule.UNKNOWN_COUNTRY,
    NumberParseException.NOT_A_NUMBER: NumberRule.NOT_A_NUMBER,
    NumberParseException.TOO_SHORT_AFTER_IDD: NumberRule.TOO_SHORT,
    NumberParseException.TOO_SHORT_NSN: NumberRule.TOO_SHORT,
    NumberParseException.TOO_LONG: NumberRule.TOO_LONG,
}
_OF_LENGTH: Final = {
    phonenumbers.ValidationResult.TOO_SHORT: NumberRule.TOO_SHORT,
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: NumberRule.TOO_SHORT,
    phonenumbers.ValidationResult.TOO_LONG: NumberRule.TOO_LONG,
}

_PUNCTUATION: Final = str.maketrans("", "", " -().\u00a0")
_SCIENTIFIC: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")
_FLOAT: Final = re.compile(r"(\+?\d{7,17})\.0+")


def normalise_number(text: str, default_region: str | None) -> PhoneNumber | NumberRule:
    """The number in E.164 with its region, or the rule it breaks.

    `default_region` (of `REGIONS`) is where numbers without a country code are dialled.
    """
    text = text.strip()
    # A column of numbers that went through a float ("491512345678.0"): the digits after the point are not dialled.
    if text.endswith("0") and (found := _FLOAT.fullmatch(text)):
        text = found[1]
    return _quickly(text, default_region) or _thoroughly(text, default_region)


def _thoroughly(text: str, default_region: str | None) -> PhoneNumber | NumberRule:
    """The library's verdict, with a reason a person can act on."""
    if not text or _SCIENTIFIC.fullmatch(text):
        return NumberRule.SCIENTIFIC if text else NumberRule.MISSING
    try:
        number = phonenumbers.parse(text, default_region)
    except NumberParseException as error:
        rule = _OF_PARSER[error.error_type]
        missing = rule is NumberRule.UNKNOWN_COUNTRY and default_region is None and not text.startswith("+")
        return NumberRule.NO_REGION if missing else rule
    if not phonenumbers.is_valid_number(number):
        return _OF_LENGTH.get(phonenumbers.is_possible_number_with_reason(number), NumberRule.INVALID)
    if number.extension:
        return NumberRule.EXTENSION
    region = phonenumbers.region_code_for_number(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(e164, region if region in REGIONS else None)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the fast path needs of one region's numbering plan."""

    region: str
    calling_code: str
    lengths: frozenset[int]
    general: re.Pattern[str]
    trunk_prefix: re.Pattern[str] | None  # "0" before a national number
    rewrites: bool  # the trunk prefix is not only cut off: left to the library
    international_prefix: re.Pattern[str] | None  # "00"
    leading_digits: re.Pattern[str] | None  # set where several regions share a calling code
    valid: dict[int, re.Pattern[str]]  # by length: the general pattern and one of the kinds

    def allows(self, national: str) -> bool:
        """The library's `_number_type_helper(…) != UNKNOWN`."""
        pattern = self.valid.get(len(national))
        return pattern is not None and pattern.fullmatch(national) is not None

    def without_trunk_prefix(self, digits: str) -> str | None:
        """The library's `_maybe_strip_national_prefix_carrier_code` with the test of length that follows it.

        None where the plan rewrites numbers.
        """
        if self.trunk_prefix is None or not (found := self.trunk_prefix.match(digits)):
            return digits
        if self.rewrites:
            return None
        rest = digits[found.end() :]
        if len(rest) not in self.lengths or not self.general.fullmatch(rest):
            return digits if self.general.fullmatch(digits) else None
        return rest


_KINDS: Final = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


def _patterns_of(metadata: PhoneMetadata, length: int) -> Iterator[str]:
    for kind in _KINDS:
        description: PhoneNumberDesc | None = getattr(metadata, kind)
        if description is None or not description.national_number_pattern:
            continue
        if not description.possible_length or length in description.possible_length:
            yield f"(?:{description.national_number_pattern})"


@cache
def _plan(region: str) -> _Plan:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    assert metadata is not None
    general = metadata.general_desc
    assert general is not None
    valid: dict[int, re.Pattern[str]] = {}
    for length in general.possible_length:
        if kinds := "|".join(_patterns_of(metadata, length)):
            valid[length] = re.compile(rf"(?=(?:{general.national_number_pattern})\Z)(?:{kinds})")
    return _Plan(
        region=region,
        calling_code=str(metadata.country_code),
        lengths=frozenset(general.possible_length),
        general=re.compile(general.national_number_pattern or ""),
        trunk_prefix=_compiled(metadata.national_prefix_for_parsing),
        rewrites=bool(metadata.national_prefix_transform_rule),
        international_prefix=_compiled(metadata.international_prefix),
        leading_digits=_compiled(metadata.leading_digits),
        valid=valid,
    )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


@cache
def _plans_of(calling_code: str) -> tuple[_Plan, ...]:
    """The regions that share a calling code, the main one first; none for an unknown or non-geographic one."""
    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code), ())
    return tuple(_plan(region) for region in regions if region in REGIONS)


def _quickly(text: str, default_region: str | None) -> PhoneNumber | None:
    """Accepts plain digits with or without "+" that are valid beyond doubt; None leaves it to the library."""
    digits = text
    if not digits.isdigit():
        digits = digits.translate(_PUNCTUATION)
        if digits[:1] == "+":
            digits = digits[1:]
            return _international(digits) if digits.isdigit() and digits.isascii() and len(digits) <= 17 else None
        if not digits.isdigit():
            return None
    if default_region is None or not digits.isascii() or len(digits) > 17:
        return None
    return _national(digits, _plan(default_region))


def _international(digits: str) -> PhoneNumber | None:
    for width in (2, 1, 3):  # calling codes are prefix-free: at most one of the three is one
        calling_code = digits[:width]
        if calling_code[0] != "0" and (plans := _plans_of(calling_code)):
            return _among(plans, plans[0].without_trunk_prefix(digits[width:]))
    return None


def _national(digits: str, plan: _Plan) -> PhoneNumber | None:
    if plan.international_prefix is not None and plan.international_prefix.match(digits):
        return None
    plans = _plans_of(plan.calling_code)
    if digits.startswith(plan.calling_code):
        if not plan.general.fullmatch(digits):  # the country code may stand there without its "+"
            rest = plan.without_trunk_prefix(digits[len(plan.calling_code) :])
            if rest is None or not plan.general.fullmatch(rest):
                return None
            return _among(plans, plans[0].without_trunk_prefix(rest))
        if len(digits) not in plan.lengths:
            return None
    return _among(plans, plan.without_trunk_prefix(digits))


def _among(plans: tuple[_Plan, ...], national: str | None) -> PhoneNumber | None:
    """The first region that claims the number, if it is valid there."""
    if national is None:
        return None
    for plan in plans:
        if plan.leading_digits is not None:
            if not plan.leading_digits.match(national):
                continue
        elif not plan.allows(national):
            continue
        return PhoneNumber(f"+{plan.calling_code}{national}", plan.region) if plan.allows(national) else None
    return None
