"""Templates: a checked subset of Jinja in a sandbox, from body to message (see `docs/templates.md`)."""

from heliograph.rendering.cache import TemplateCache
from heliograph.rendering.errors import (
    LimitReached,
    MessageEmpty,
    MessageTooLong,
    TemplateFailed,
    TemplateInvalid,
    TemplateRefused,
    VariableMissing,
)
from heliograph.rendering.estimate import PartsEstimate, estimate_parts
from heliograph.rendering.template import CompiledTemplate, Rendered, compile_template, rehearse

__all__ = [
    "CompiledTemplate",
    "LimitReached",
    "MessageEmpty",
    "MessageTooLong",
    "PartsEstimate",
    "Rendered",
    "TemplateCache",
    "TemplateFailed",
    "TemplateInvalid",
    "TemplateRefused",
    "VariableMissing",
    "compile_template",
    "estimate_parts",
    "rehearse",
]
