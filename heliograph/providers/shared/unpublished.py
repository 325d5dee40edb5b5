"""What a provider does not publish is configuration, without a default that could be wrong.

Field names, words and codes come from the provider's account manager, or from a first reply and a first callback looked
at by eye; docs/providers/ says for each provider what has to be asked.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from heliograph.domain.ledger import MessageState
from heliograph.errors import InvalidInput

UNSUCCESSFUL: Final = frozenset({MessageState.UNDELIVERED, MessageState.FAILED})


class Unpublished(BaseModel):
    """A configuration with fields that only the provider can tell: those without a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_told(cls, values: Any) -> Any:
        if isinstance(values, dict):
            missing = [name for name, field in cls.model_fields.items() if field.is_required() and name not in values]
            if missing:
                raise PydanticCustomError(
                    "not_configured",
                    "{missing} has to be configured: only the provider can tell it, so ask your account manager",
                    {"missing": ", ".join(missing)},
                )
        return values


def not_configured(field: str, what: str) -> InvalidInput:
    """For a callback that comes before the configuration says how `what` are read."""
    return InvalidInput.of(
        f"configuration.{field}",
        f"has to be configured: the provider does not publish how its {what} are read, so ask your account manager",
        "not_configured",
    )


def international(number: str, field: str) -> str:
    """E.164 of a number that a provider writes with its country code, with a plus or without."""
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        raise InvalidInput.of(field, "is a phone number with its country code")
    return f"+{digits}"
