"""Realistic audiences for benchmarks, the demo and tests: the same file for the same seed."""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from heliograph.domain.phone_numbers import normalise_number

HEADER: Final = ("Phone number", "Country", "First name", "Last name", "City", "Points")

_COUNTRIES: Final = {
    "DE": 14,
    "FR": 10,
    "GB": 10,
    "US": 14,
    "ES": 7,
    "IT": 7,
    "PL": 6,
    "NL": 4,
    "SE": 3,
    "AT": 3,
    "CH": 3,
    "IN": 5,
    "BR": 4,
    "MX": 3,
    "JP": 2,
    "TR": 3,
    "UA": 2,
    "GR": 2,
    "AE": 1,
    "ZA": 2,
    "NG": 2,
    "AU": 2,
    "CA": 3,
}
"""Shares of the audience."""

_FIRST_NAMES: Final = (
    *("Anna", "Ben", "Chloé", "Zoë", "Jürgen", "Łukasz", "Søren", "José", "Nuño", "Αλέξανδρος", "Ольга", "Дмитро"),
    *("さくら", "健太", "अनन्या", "محمد", "Ayşe", "Thảo", "O'Neil", "Anne-Marie", "Léa 🌸", "Chidi", "Noor", "Maeve"),
)
_LAST_NAMES: Final = (
    *("Müller", "García", "Smith", "D'Angelo", "Nowak", "van der Berg", "Øvergård", "Παπαδόπουλος", "Шевченко"),
    *("Tanaka", "शर्मा", "Yılmaz", "Okafor", "Fernández, Jr.", 'Kim "Kimmy" Lee', "Dupont", "Silva", "Andersson"),
)
_CITIES: Final = ("Berlin", "Paris", "London", "São Paulo", "Kraków", "Zürich", "İstanbul", "Київ", "東京", "Lagos", "")

_BAD_ROWS: Final = (
    ("not a number", "DE", "Broken", "Row", "Berlin", "1"),
    ("", "FR", "No", "Number", "Paris", "2"),
    ("12345", "GB", "Too", "Short", "London", "3"),
    ("+4999912345678901234", "DE", "Too", "Long", "Berlin", "4"),
    ("4.91512E+11", "DE", "Cut", "Off", "Berlin", "5"),
    ("0151 2345678", "Atlantis", "Unknown", "Country", "Poseidonis", "6"),
    ("+999 123 4567", "", "Unknown", "Code", "Nowhere", "7"),
    ("+4915123456789", "DE", "Too few fields"),
    ("+4915123456789", "DE", "Too", "many", "fields", "8", "9"),
    ("+1 555 010 0000", "US", "Not", "In use", "Springfield", "10"),
)
_UNDECODABLE: Final = b"+4915123456789,DE,J\xfcrgen,Latin-1,Berlin,11\n"
_KINDS_OF_BAD: Final = len(_BAD_ROWS) + 1


@dataclass(frozen=True, slots=True)
class AudienceFile:
    """What was written: `rows` data rows, of which `bad_rows` are to be rejected and `duplicates` repeat a number."""

    path: Path
    rows: int
    bad_rows: int
    duplicates: int


def write_audience(path: Path, rows: int, *, seed: int = 1, bad_rows: int = 0, duplicates: int = 0) -> AudienceFile:
    """Writes `rows` rows under a header: good ones, with the bad ones and the duplicates spread among them."""
    if bad_rows + duplicates >= rows:
        raise ValueError("an audience needs at least one good row")
    rng = random.Random(seed)
    marked = rng.sample(range(1, rows), bad_rows + duplicates)
    bad, repeated = set(marked[:bad_rows]), set(marked[bad_rows:])
    numbers = _numbers(rng)
    recent: list[tuple[str, str]] = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for index in range(rows):
            if index in bad:
                kind = index % _KINDS_OF_BAD
                if kind == len(_BAD_ROWS):
                    file.flush()
                    file.buffer.write(_UNDECODABLE)
                else:
                    writer.writerow(_BAD_ROWS[kind])
                continue
            if index in repeated and recent:
                e164, country = rng.choice(recent)
            else:
                e164, country = next(numbers)
                if len(recent) < 1000:
                    recent.append((e164, country))
            writer.writerow(_row(rng, e164, country))
    return AudienceFile(path, rows, bad_rows, duplicates)


def _row(rng: random.Random, e164: str, country: str) -> tuple[str, ...]:
    return (
        _as_people_write(rng, e164, country),
        country,
        rng.choice(_FIRST_NAMES),
        rng.choice(_LAST_NAMES),
        rng.choice(_CITIES),
        str(rng.randrange(10_000)),
    )


def _as_people_write(rng: random.Random, e164: str, country: str) -> str:
    """Half in international form, the others national, with punctuation, or with 00."""
    style = rng.random()
    if style < 0.5:
        return e164
    code = str(phonenumbers.country_code_for_region(country))
    national = e164[1 + len(code) :]
    if style < 0.6:
        return f"+{code} {national[:3]} {national[3:6]} {national[6:]}"
    if style < 0.65 and country not in {"US", "CA", "JP", "AU", "NG", "BR"}:
        return f"00{code}{national}"
    prefix = _trunk_prefix(country)
    if style < 0.8:
        return f"{prefix}{national[:3]}-{national[3:]}"
    return prefix + national


def _trunk_prefix(country: str) -> str:
    return (
        "0" if country in {"DE", "FR", "GB", "NL", "SE", "AT", "CH", "TR", "UA", "AE", "ZA", "AU", "IN", "NG"} else ""
    )


def _numbers(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Distinct valid mobile numbers with their countries, in the shares of `_COUNTRIES`."""
    countries, weights = list(_COUNTRIES), list(_COUNTRIES.values())
    pools = {country: _numbers_of(country, rng) for country in countries}
    while True:
        for country in rng.choices(countries, weights, k=1000):
            yield next(pools[country]), country


def _numbers_of(country: str, rng: random.Random) -> Iterator[str]:
    """Every valid number that shares the beginning of the country's example, in a scattered order.

    The last seven digits run through a full cycle: the step has no factor in common with ten million.
    """
    example = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    assert example is not None
    stem = phonenumbers.format_number(example, PhoneNumberFormat.E164)[:-7]
    tail = rng.randrange(10_000_000)
    while True:
        tail = (tail + 6_180_339) % 10_000_000
        e164 = f"{stem}{tail:07d}"
        if normalise_number(e164, None) == (e164, country):
            yield e164
