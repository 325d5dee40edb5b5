"""What a template would cost for many recipients, before one is sent."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from heliograph.domain.message_parts import Encoding
from heliograph.rendering.errors import TemplateRefused
from heliograph.rendering.template import CompiledTemplate


@dataclass(slots=True)
class PartsEstimate:
    """Sums over recipients. Feed it rows as they come; it keeps no row."""

    recipients: int = 0  # looked at, refused ones included
    parts: int = 0  # of all messages together
    fewest_parts: int = 0  # of one message; 0 while there is none
    most_parts: int = 0
    encodings: Counter[Encoding] = field(default_factory=Counter)  # messages by encoding
    distribution: Counter[int] = field(default_factory=Counter)  # messages by their number of parts
    refusals: Counter[str] = field(default_factory=Counter)  # recipients by the code that refuses them

    @property
    def messages(self) -> int:
        """Recipients who would get a message."""
        return self.encodings.total()

    @property
    def refused(self) -> int:
        """Recipients who would get none."""
        return self.refusals.total()

    @property
    def parts_per_message(self) -> float:
        """The mean; 0 without messages."""
        return self.parts / self.messages if self.messages else 0.0

    def add(self, compiled: CompiledTemplate, variables: Mapping[str, Any]) -> None:
        """Counts one recipient in."""
        self.recipients += 1
        try:
            counted = compiled.render(variables).parts
        except TemplateRefused as refusal:
            self.refusals[refusal.code] += 1
            return
        self.parts += counted.parts
        self.fewest_parts = min(self.fewest_parts or counted.parts, counted.parts)
        self.most_parts = max(self.most_parts, counted.parts)
        self.encodings[counted.encoding] += 1
        self.distribution[counted.parts] += 1


def estimate_parts(compiled: CompiledTemplate, recipients: Iterable[Mapping[str, Any]]) -> PartsEstimate:
    """The estimate over the variables of each recipient."""
    estimate = PartsEstimate()
    for variables in recipients:
        estimate.add(compiled, variables)
    return estimate
