"""India's registry of commercial messages (DLT): which registered text a message is, and under which numbers.

Operators in India let a message pass only when its sender (header) and its text are registered. The registration has an
entity id (who sends) and an id for each text; a text's variable places are written `{#var#}`, in newer registrations
`{#numeric#}` and the like. A campaign's text is rendered by us, so its template id is found by comparing: the workspace
copies its registered texts into the connector's configuration once. White space is not compared: registries, consoles
and templates treat line breaks and doubled blanks differently.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from heliograph.domain.vocabulary import ErrorClass
from heliograph.providers.protocol import ProviderError

_INDIA: Final = "+91"
_VARIABLE: Final = re.compile(r"\{#[^{}#]*#\}")
_SPACE: Final = re.compile(r"\s+")

RegisteredId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{1,30}$")]
"""As the registry writes its ids: digits alone."""

NOT_REGISTERED: Final = ProviderError(
    ErrorClass.CONTENT,
    "dlt_template",
    "The text is none of the registered texts of the connector (configuration.dlt.templates)",
)


class DltTemplate(BaseModel):
    """A registered text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: RegisteredId = Field(description="Template id (content id) of the registration.")
    text: str = Field(min_length=1, max_length=2000, description="The text as registered, with its {#var#} places.")

    @cached_property
    def _pieces(self) -> Sequence[str]:
        """The fixed text around the variables: at least one piece, each without its white space."""
        return tuple(_SPACE.sub("", piece) for piece in _VARIABLE.split(self.text))

    def fits(self, body: str) -> bool:
        """Whether a text without its white space is this one with something in place of the variables.

        Looks for the pieces one after the other: linear in the text, where a pattern with many wildcards is not.
        """
        first, last = self._pieces[0], self._pieces[-1]
        if len(self._pieces) == 1:
            return body == first
        if not body.startswith(first) or not body.endswith(last) or len(body) < len(first) + len(last):
            return False
        place, end = len(first), len(body) - len(last)
        for piece in self._pieces[1:-1]:
            found = body.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True

    @property
    def fixed_length(self) -> int:
        """Characters that are not variable: of two texts that fit, the one with more of them is meant."""
        return sum(map(len, self._pieces))


class DltRegistration(BaseModel):
    """What India's operators know the workspace by. Needed for numbers in India alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity_id: RegisteredId | None = Field(default=None, description="Principal entity id of the registration.")
    templates: tuple[DltTemplate, ...] = Field(
        default=(),
        max_length=1000,
        description="The registered texts. With any, a text for India that fits none of them is refused unsent.",
    )

    @model_validator(mode="after")
    def _ids_stand_once(self) -> Self:
        ids = sorted(template.id for template in self.templates)
        for before, after in pairwise(ids):
            if before == after:
                raise ValueError(f"the template id {after} stands twice")
        return self

    def template_id(self, to: str, body: str) -> str | ProviderError | None:
        """The id to send with; None where none is needed or known; `NOT_REGISTERED` for a text that may not pass.

        `to` is E.164. Without templates in the configuration the operator is left to find the text by itself.
        """
        if not self.templates or not to.startswith(_INDIA):
            return None
        bare = _SPACE.sub("", body)
        fitting = [template for template in self.templates if template.fits(bare)]
        if not fitting:
            return NOT_REGISTERED
        return max(fitting, key=lambda template: template.fixed_length).id
