"""Instants as most providers write them."""

from datetime import UTC, datetime


def read_instant(text: object) -> datetime | None:
    """An ISO 8601 instant, in UTC where it names no zone. None for what cannot be read: never a reason to refuse."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
