"""Compiled templates by the id of their version. Versions never change, so nothing is ever out of date."""

from collections import OrderedDict
from uuid import UUID

from heliograph.rendering.template import CompiledTemplate


class TemplateCache:
    """The versions used last, up to `size`. One per process, used on its event loop."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._compiled: OrderedDict[UUID, CompiledTemplate] = OrderedDict()

    def get(self, template_version_id: UUID) -> CompiledTemplate | None:
        """The compiled version, if it is here."""
        compiled = self._compiled.get(template_version_id)
        if compiled is not None:
            self._compiled.move_to_end(template_version_id)
        return compiled

    def put(self, template_version_id: UUID, compiled: CompiledTemplate) -> None:
        """Keeps it, and lets go of the one that was not used for longest."""
        self._compiled[template_version_id] = compiled
        self._compiled.move_to_end(template_version_id)
        if len(self._compiled) > self._size:
            self._compiled.popitem(last=False)

    def __len__(self) -> int:
        return len(self._compiled)
