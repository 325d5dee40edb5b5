"""Identifiers: UUIDv7, in the order in which they are made."""

from uuid import RFC_4122

from heliograph.ids import new_id


def test_an_id_is_a_uuid_of_version_7_and_the_standards_variant() -> None:
    for _ in range(2_000):
        made = new_id()
        assert (made.version, made.variant) == (7, RFC_4122)


def test_ids_are_unique_and_those_of_later_milliseconds_are_greater() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert len(set(ids)) == len(ids)
    milliseconds = [made.int >> 80 for made in ids]
    assert milliseconds == sorted(milliseconds)
    assert len({made.int & (1 << 62) - 1 for made in ids}) == len(ids)
