"""What leaves as telemetry holds no number, address, body or secret, and stays readable."""

import re
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.telemetry.redaction import redacted

SEPARATORS = st.sampled_from(["", " ", "-", ".", "\u00a0", "\u202f", " - ", "/", "\u2011", ") ", " ("])
AROUND = st.sampled_from(
    [
        ("to ", " refused"),
        ("", ""),
        ("('", "')"),
        ("to=", ","),
        ('{"to": "', '"}'),
        ("tel:", ";"),
        ("<", ">"),
        ("x ", "\nnext"),
    ]
)


@st.composite
def grouped_digits(draw: st.DrawFn, smallest: int, largest: int, first: str = "123456789") -> str:
    length = draw(st.integers(smallest, largest))
    digits = draw(st.sampled_from(first)) + draw(st.text("0123456789", min_size=length - 1, max_size=length - 1))
    separator = draw(SEPARATORS)
    text = digits[0]
    for digit in digits[1:]:
        text += (separator if draw(st.booleans()) else "") + digit
    return text


def digits_in(text: str) -> str:
    return "".join(re.findall(r"\d", text))


@given(grouped_digits(7, 15), st.sampled_from(["+", "00", "＋", "%2B", "+ ", "+(", "00 "]), AROUND)
def test_a_number_with_an_international_prefix_never_passes(number: str, prefix: str, around: tuple[str, str]) -> None:
    assert digits_in(redacted(around[0] + prefix + number + around[1])) == ""


@given(st.text("0123456789", min_size=9, max_size=15), AROUND)
def test_a_bare_number_of_nine_digits_or_more_never_passes(number: str, around: tuple[str, str]) -> None:
    assert digits_in(redacted(around[0] + number + around[1])) == ""


@pytest.mark.parametrize(
    "number",
    [
        "(415) 555-2671",
        "415-555-2671",
        "1-415-555-2671",
        "0171/23 45 678",
        "0171.2345678",
        "020 7946 0958",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "+33 (0)6 12 34 56 78",
        "+49 (0) 151 / 123 45 67",
        "tel:+1-201-555-0123",
        "whatsapp:+14155238886",
        "+٤٩١٥١١٢٣٤٥٦٧٨",
        "0041 79 123 45 67",
        "011 44 20 7946 0958",
        "sip:+4915112345678@example.com",
        "to_4915112345678",
    ],
)
def test_numbers_as_people_write_them_never_pass(number: str) -> None:
    assert digits_in(redacted(f"sending to {number} failed")) in {"", "0"}


@given(st.uuids())
def test_a_uuid_passes(identifier: UUID) -> None:
    for text in (f"message {identifier} claimed", f"campaign/{identifier}", f"{identifier}.3", f"({identifier},)"):
        assert redacted(text) == text


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_instant_passes(instant: datetime) -> None:
    zulu = instant.isoformat().replace("+00:00", "Z")
    for text in (f"due at {instant.isoformat()} in the zone", str(instant), zulu, f"{instant:%Y-%m-%d}"):
        assert redacted(text) == text


@given(st.integers(0, 99_999_999), st.floats(0, 1e8).map(lambda value: round(value, 6)))
def test_counts_and_measures_pass(count: int, seconds: float) -> None:
    text = f"{count} messages in {seconds:f} s, p95={seconds:.3f} s ({count})"
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "20000 messages",
        "listening on 127.0.0.1:8080 and [::1]:7233",
        "error 21610 at line 1048576, column 12",
        "run 0193a5b0-7c1e-7abc-8def-0123456789ab: 312 accepted, 0 in doubt, 599688 never sent",
        "temporalio 1.35.0, PostgreSQL 18.1",
        "message SM0123456789abcdef0123456789abcdef was delivered",
        "2026-11-21 11:16:12,123 started",
        "body of 12 parts, token bucket full, passed 3 of 4 keys",
    ],
)
def test_what_operators_need_passes(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("anna.müller+x@sub.example.co.uk bounced", "anna"),
        ("postgresql://app:s3cr3t@db:5432/heliograph", "s3cr3t"),
        ("Authorization: Bearer hg_live_abcdef", "hg_live"),
        ("auth_token='0a1b2c3d'", "0a1b"),
        ('{"api_key": "abc def", "x": 1}', "abc"),
        ("HELIOGRAPH_MASTER_KEYS=local:AAAA", "AAAA"),
        ("AC0123456789abcdef0123456789abcdef", "0123"),
        ("0123456789abcdef0123456789abcdef", "0123"),
        ("POST /callbacks/Zm9vYmFyYmF6/status", "Zm9v"),
        ("OutgoingMessage(to='+4915112345678', body='Hi Anna, it\\'s 5 o\\'clock', attempt=1)", "Anna"),
        ('{"Body": "Your code is 123456"}', "123456"),
        ("body=Your code is 1234", "1234"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJ"),
    ],
)
def test_addresses_secrets_and_bodies_never_pass(text: str, gone: str) -> None:
    assert gone not in redacted(text)


@pytest.mark.parametrize("unit", ["1 ", "a_", "a@", "a.", "\\\\", "body", "-", "key=", "eyJ.", "00", "://a:"])
def test_long_texts_cost_a_bounded_time(unit: str) -> None:
    def cost(length: int) -> float:
        text = "1@" + unit * (length // len(unit))
        started = time.process_time()
        redacted(text)
        return time.process_time() - started

    assert min(cost(16_000) for _ in range(3)) < 30 * min(cost(2_000) for _ in range(3)) + 0.001


def test_what_lies_beyond_the_longest_text_is_left_out() -> None:
    assert redacted("x" * 20_000 + "+4915112345678").endswith("[14 characters left out]")
