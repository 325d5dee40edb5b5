"""What the models of this package share: frozen, strict, and errors that are plain sentences."""

from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class Part(BaseModel):
    """A part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def broken(rule: str, code: str = "invalid") -> NoReturn:
    """Refuses a field in a validator; pydantic adds where it stands."""
    raise PydanticCustomError(code, "{rule}", {"rule": rule})
