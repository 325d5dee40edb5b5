"""The rule for names that people give to things."""

from heliograph.errors import InvalidInput

LONGEST_NAME = 200


def checked_name(name: str, *, field: str = "name") -> str:
    """The name without surrounding space; `InvalidInput` when it is empty, too long or unprintable."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput.of(field, f"has 1 to {LONGEST_NAME} printable characters", "name")
    return name
