"""Part counting against the vectors of independent packages, and against its own rules on any text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.message_parts import (
    GSM_DEFAULT,
    GSM_EXTENSION,
    PART_SIZES,
    Encoding,
    count_parts,
    forcing_characters,
    split,
)

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
FAMILY = "👨‍👩‍👧‍👦"

VECTORS = [
    ("", GSM, [0]),
    ("a" * 160, GSM, [160]),
    ("a" * 161, GSM, [153, 8]),
    ("a" * 306, GSM, [153, 153]),
    ("a" * 307, GSM, [153, 153, 1]),
    ("a" * 1071, GSM, [153] * 7),
    ("€" * 80, GSM, [80]),
    ("€" * 81, GSM, [76, 5]),
    ("a" * 152 + "€" + "a" * 10, GSM, [152, 11]),
    ("ж" * 70, UCS, [70]),
    ("ж" * 71, UCS, [67, 4]),
    ("ж" * 134, UCS, [67, 67]),
    ("ж" * 135, UCS, [67, 67, 1]),
    ("😀" * 35, UCS, [35]),
    ("😀" * 36, UCS, [33, 3]),
    ("ж" * 66 + "😀" + "ж" * 10, UCS, [66, 11]),
    ("“hi”", UCS, [4]),
    ("a`c", UCS, [3]),
    (FAMILY * 3, UCS, [len(FAMILY) * 3]),
]

ANY_TEXT = st.text(max_size=400)
GSM_TEXT = st.text(st.sampled_from(sorted(GSM_DEFAULT | GSM_EXTENSION)), max_size=500)
MIXED_TEXT = st.text(st.sampled_from("a€ж😀`\n"), max_size=500)


def units_of(text: str, encoding: Encoding) -> int:
    if encoding is GSM:
        return sum(2 if character in GSM_EXTENSION else 1 for character in text)
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(("text", "encoding", "characters"), VECTORS)
def test_the_published_vectors_are_counted_and_cut_alike(text: str, encoding: Encoding, characters: list[int]) -> None:
    counted = count_parts(text)
    assert (counted.encoding, counted.parts) == (encoding, len(characters))
    assert [len(part) for part in split(text)] == characters


def test_three_families_take_33_units_of_one_part() -> None:
    assert count_parts(FAMILY * 3) == (UCS, 1, 33, 37)


@pytest.mark.parametrize("character", sorted(GSM_DEFAULT))
def test_a_default_character_takes_one_septet(character: str) -> None:
    assert count_parts(character) == (GSM, 1, 1, 159)


@pytest.mark.parametrize("character", sorted(GSM_EXTENSION))
def test_an_extension_character_takes_two_septets(character: str) -> None:
    assert count_parts(character) == (GSM, 1, 2, 158)


@pytest.mark.parametrize("character", "`\táíóúçâ’“\x1b\x00ж")
def test_a_character_outside_the_tables_forces_ucs2(character: str) -> None:
    assert count_parts(character).encoding is UCS


def test_the_tables_have_the_sizes_of_the_standard() -> None:
    assert (len(GSM_DEFAULT), len(GSM_EXTENSION)) == (127, 10)


def test_the_last_part_tells_what_still_fits() -> None:
    assert count_parts("a" * 161).units_left_in_last_part == 153 - 8
    # The euro's pair does not fit behind 152 letters, so the second part holds 2 + 10 septets.
    assert count_parts("a" * 152 + "€" + "a" * 10).units_left_in_last_part == 153 - 12


@given(st.one_of(ANY_TEXT, GSM_TEXT, MIXED_TEXT))
def test_the_parts_joined_are_the_text_and_as_many_as_counted(text: str) -> None:
    parts = split(text)
    assert "".join(parts) == text
    assert len(parts) == count_parts(text).parts


@given(st.one_of(ANY_TEXT, GSM_TEXT, MIXED_TEXT))
def test_no_part_is_over_its_limit_and_none_could_take_the_next_character(text: str) -> None:
    counted = count_parts(text)
    size, parts = PART_SIZES[counted.encoding], split(text)
    limit = size.alone if len(parts) == 1 else size.joined
    assert all(units_of(part, counted.encoding) <= limit for part in parts)
    assert all(units_of(part + following[0], counted.encoding) > limit for part, following in itertools.pairwise(parts))
    assert counted.units == units_of(text, counted.encoding)
    assert counted.units_left_in_last_part == limit - units_of(parts[-1], counted.encoding)


@given(ANY_TEXT)
def test_forcing_characters_are_found_exactly_when_the_text_is_ucs2(text: str) -> None:
    forcing = forcing_characters(text)
    assert bool(forcing) == (count_parts(text).encoding is UCS)
    assert all(text[position] == found.character for found in forcing for position in found.positions)


def test_forcing_characters_come_with_name_and_places() -> None:
    assert forcing_characters("It’s Ana’s café\x1b") == [
        ("’", "RIGHT SINGLE QUOTATION MARK", (2, 8)),
        ("\x1b", "U+001B", (15,)),
    ]
