"""The text of a template as an author gives it: checked as a whole, compared, previewed."""

import asyncio
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from heliograph.db.tables import TemplateVersion
from heliograph.domain.message_parts import ForcingCharacter, Parts, forcing_characters
from heliograph.domain.vocabulary import MissingVariable
from heliograph.rendering import CompiledTemplate, TemplateFailed, TemplateRefused, compile_template, rehearse


@dataclass(frozen=True, slots=True)
class TemplateText:
    """What makes a version. Without a policy, it is `fallback` where fallbacks are given, else `refuse`."""

    body: str
    fallbacks: Mapping[str, str] | None = None
    missing_variable: MissingVariable | None = None
    smart_encoding: bool = False

    @property
    def policy(self) -> MissingVariable:
        """The policy as given, or as it follows."""
        if self.missing_variable is not None:
            return self.missing_variable
        return MissingVariable.FALLBACK if self.fallbacks else MissingVariable.REFUSE


@dataclass(frozen=True, slots=True)
class TemplateChanges:
    """What an edit replaces; None leaves a part as it is."""

    body: str | None = None
    fallbacks: Mapping[str, str] | None = None
    missing_variable: MissingVariable | None = None
    smart_encoding: bool | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What one recipient would get: `body` and `parts`, or the `refusal` (its code) and why."""

    body: str | None
    parts: Parts | None
    forcing_characters: list[ForcingCharacter]
    missing_variables: list[str]
    refusal: str | None = None
    reason: str | None = None


async def checked(text: TemplateText) -> CompiledTemplate:
    """Compiles and rehearses. In a thread: a template at the limits takes a second, and others are waiting."""
    return await asyncio.to_thread(_checked, text)


def _checked(text: TemplateText) -> CompiledTemplate:
    compiled = compile_template(text.body, text.fallbacks, text.policy, text.smart_encoding)
    rehearse(compiled)
    return compiled


async def changed(version: TemplateVersion, changes: TemplateChanges) -> tuple[TemplateText, CompiledTemplate]:
    """The text after an edit. Fallbacks that stay behind without a variable of the new body go with it."""
    text = TemplateText(
        version.body if changes.body is None else changes.body,
        version.fallbacks if changes.fallbacks is None else changes.fallbacks,
        version.missing_variable if changes.missing_variable is None else changes.missing_variable,
        version.smart_encoding if changes.smart_encoding is None else changes.smart_encoding,
    )
    if changes.fallbacks is None:
        variables = (await asyncio.to_thread(compile_template, text.body)).variables
        text = replace(text, fallbacks={name: value for name, value in version.fallbacks.items() if name in variables})
    return text, await checked(text)


def is_unchanged(version: TemplateVersion, text: TemplateText) -> bool:
    """Whether the text says what the version says already."""
    return (version.body, version.fallbacks, version.missing_variable, version.smart_encoding) == (
        text.body,
        dict(text.fallbacks or {}),
        text.policy,
        text.smart_encoding,
    )


async def preview(compiled: CompiledTemplate, variables: Mapping[str, Any]) -> Preview:
    """What the recipient with these variables would get. An error of the template itself is raised."""
    missing = compiled.missing(variables)
    try:
        rendered = await asyncio.to_thread(compiled.render, variables)
    except TemplateFailed:
        raise
    except TemplateRefused as refusal:
        return Preview(None, None, [], missing, refusal.code, refusal.detail)
    return Preview(rendered.body, rendered.parts, forcing_characters(rendered.body), missing)


def difference(before: TemplateVersion, after: TemplateVersion) -> str:
    """A unified diff of two versions, their settings above their bodies; empty when they say the same."""
    lines = difflib.unified_diff(
        _lines(before), _lines(after), f"version {before.number}", f"version {after.number}", lineterm=""
    )
    return "\n".join(lines)


def _lines(version: TemplateVersion) -> list[str]:
    return [
        f"missing variable: {version.missing_variable.value}",
        f"smart encoding: {'on' if version.smart_encoding else 'off'}",
        *(f"fallback {name}: {value}" for name, value in sorted(version.fallbacks.items())),
        "",
        *version.body.split("\n"),
    ]
