"""Numbers come out as the library has them, whichever path they take."""

from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.domain import phone_numbers
from heliograph.domain.phone_numbers import REGIONS, NumberRule, PhoneNumber, normalise_number

KINDS = range(11)  # phonenumbers.PhoneNumberType


def _library(text: str, region: str | None) -> PhoneNumber | None:
    """libphonenumber's own verdict, with nothing of ours in it."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    found = phonenumbers.region_code_for_number(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return PhoneNumber(e164, found if found in REGIONS else None)


def _ways_to_write(number: Any, national: str, region: str) -> list[tuple[str, str | None]]:
    trunk = phonenumbers.ndd_prefix_for_region(region, True) or ""
    code = number.country_code
    return [
        (f"+{code}{national}", None),
        (f"+{code} ({trunk}){national[:3]}-{national[3:]}", region),
        (national, region),
        (f"{trunk}{national}", region),
        (f"0{national}", region),
        (f"{code}{national}", region),
        (f"00{code}{national}", region),
        (f"00{code}{national}", "DE"),
        (national, "US"),
        (national, "DE"),
    ]


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_the_fast_path_agrees_with_the_library_on_every_kind_of_number_of_every_region(region: str) -> None:
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        national = phonenumbers.national_significant_number(example)
        for place in range(len(national) + 1):
            for digit in "" if place == len(national) else "05":
                changed = national[:place] + digit + national[place + 1 :]
                for text, default in _ways_to_write(example, changed, region):
                    quick = phone_numbers._quickly(text, default)
                    assert quick is None or quick == _library(text, default), (text, default)


@pytest.mark.parametrize("region", sorted(REGIONS - {"TA"}))
def test_every_example_number_in_international_form_is_accepted(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        pytest.skip(f"the library has no example of a mobile number in {region}")
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert normalise_number(e164, None) == _library(e164, None)


@settings(max_examples=600, deadline=None)
@given(
    st.text("+0123456789 -().", min_size=1, max_size=20),
    st.sampled_from([None, "DE", "US", "GB", "IT", "BR", "AR", "MX", "RU", "KZ", "CH", "GG", "HU", "BY", "CI"]),
)
def test_the_fast_path_agrees_with_the_library_on_anything(text: str, region: str | None) -> None:
    quick = phone_numbers._quickly(text.strip(), region)
    assert quick is None or quick == _library(text, region)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40), st.sampled_from([None, "DE", "US"]))
def test_no_text_makes_it_raise(text: str, region: str | None) -> None:
    verdict = normalise_number(text, region)
    assert isinstance(verdict, NumberRule) or verdict.e164.startswith("+")


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+49 151 2345 6789", None, "+4915123456789"),
        ("0151/23456789", "DE", "+4915123456789"),
        ("0049 (0)151 23456789", "DE", "+4915123456789"),
        ("15123456789", "DE", "+4915123456789"),
        ("(201) 555-0123", "US", "+12015550123"),
        ("1 201 555 0123", "US", "+12015550123"),
        ("0312345678", "IT", "+390312345678"),
        ("＋４９１５１２３４５６７８９", None, "+4915123456789"),
        ("12015550123.0", "US", "+12015550123"),
        ("'+4915123456789", None, "+4915123456789"),
        ("+870 773 111 632", None, "+870773111632"),
    ],
)
def test_the_ways_people_write_numbers_are_understood(text: str, region: str | None, expected: str) -> None:
    number = normalise_number(text, region)
    assert isinstance(number, PhoneNumber)
    assert number.e164 == expected


@pytest.mark.parametrize(
    ("text", "region", "rule"),
    [
        ("", "DE", NumberRule.MISSING),
        ("  ", "DE", NumberRule.MISSING),
        ("call me", "DE", NumberRule.NOT_A_NUMBER),
        ("4.91512E+11", "DE", NumberRule.SCIENTIFIC),
        ("4,91512E+11", None, NumberRule.SCIENTIFIC),
        ("0151 23456789", None, NumberRule.NO_REGION),
        ("+999 1234567", None, NumberRule.UNKNOWN_COUNTRY),
        ("+49 1", None, NumberRule.TOO_SHORT),
        ("+49 1234567890123456", None, NumberRule.TOO_LONG),
        ("+1 555 555 5555", None, NumberRule.INVALID),
        ("+12015550123 ext. 5", None, NumberRule.EXTENSION),
        ("9" * 300, "DE", NumberRule.TOO_LONG),
    ],
)
def test_a_bad_number_is_told_by_its_rule(text: str, region: str | None, rule: NumberRule) -> None:
    assert normalise_number(text, region) is rule


def test_the_region_is_that_of_the_number_and_not_of_its_list() -> None:
    assert normalise_number("+1 876 210 1234", "DE") == PhoneNumber("+18762101234", "JM")
    assert normalise_number("+77710009998", "RU") == PhoneNumber("+77710009998", "KZ")
