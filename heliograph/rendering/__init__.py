"""Templates: a checked subset of Jinja in a sandbox, from body to message (see `docs/templates.md`)."""

from heliograph.rendering.cache import TemplateCache
from heliograph.rendering.errors import (
    LimitReached,
    MessageEmpty,
    MessageTooLong,
    RenderRefused,
    TemplateFailed,
    TemplateInvalid,
    VariableMissing,
)
from heliograph.rendering.estimate import PartsEstimate, estimate_parts
from heliograph.rendering.templates import CompiledTemplate, Rendered, compile_template, rehearse

__all__ = [
    "CompiledTemplate",
    "LimitReached",
    "MessageEmpty",
    "MessageTooLong",
    "PartsEstimate",
    "RenderRefused",
    "Rendered",
    "TemplateCache",
    "TemplateFailed",
    "TemplateInvalid",
    "VariableMissing",
    "compile_template",
    "estimate_parts",
    "rehearse",
]
