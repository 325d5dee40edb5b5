"""Rules that several nouns share."""

import math
import re
from decimal import Decimal, InvalidOperation

from heliograph.errors import InvalidInput

LONGEST_NAME = 200
FASTEST = 100_000.0
"""Messages a second; more is surely a mistake."""


def checked_name(name: str, *, field: str = "name") -> str:
    """The name without surrounding space; `InvalidInput` when it is empty, too long or unprintable."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput.of(field, f"has 1 to {LONGEST_NAME} printable characters", "name")
    return name


def checked_rate(rate: float | None, *, field: str = "messages_per_second") -> float | None:
    """A speed limit in messages a second, or None for no limit; `InvalidInput` when it is out of range."""
    if rate is not None and not (math.isfinite(rate) and 0 < rate <= FASTEST):
        raise InvalidInput.of(field, f"is greater than 0 and at most {FASTEST:.0f}, or null for no limit", "rate")
    return rate


def checked_price(region: str, price: str, *, field: str) -> str:
    """The price of one part as a decimal, for a country (ISO 3166-1 alpha-2) or "default"."""
    if region != "default" and not re.fullmatch(r"[A-Z]{2}", region):
        raise InvalidInput.of(field, 'its key is a country as two capital letters, or "default"', "region")
    try:
        amount = Decimal(price)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise InvalidInput.of(field, "is a decimal number that is not negative, such as 0.0079", "price")
    return str(amount)


def checked_currency(currency: str | None, *, field: str) -> str | None:
    """A currency by its ISO 4217 letters."""
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", currency):
        raise InvalidInput.of(field, "is three capital letters (ISO 4217), such as USD", "currency")
    return currency
