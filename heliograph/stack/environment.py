"""Settings as environment variables and back: how a supervisor hands its configuration to its children."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from heliograph.settings import Settings


def variable(name: str) -> str:
    """The environment variable of a setting: `HELIOGRAPH_<NAME>`, or Temporal's own name."""
    return _alias(Settings.model_fields[name]) or f"HELIOGRAPH_{name.upper()}"


def environment_of(settings: Settings) -> dict[str, str]:
    """Everything that was set explicitly; a child that gets these has the same settings."""
    explicit = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {variable(name): _as_text(value) for name, value in explicit.items() if value is not None}


def settings_with(settings: Settings, environment: Mapping[str, str]) -> Settings:
    """`settings` as a child sees them that gets these variables too."""
    texts = {**environment_of(settings), **environment}
    values: dict[str, Any] = {
        _alias(field) or name: _read(field, texts[variable(name)])
        for name, field in Settings.model_fields.items()
        if variable(name) in texts
    }
    return Settings(**values)


def _read(field: FieldInfo, text: str) -> Any:
    """As pydantic-settings reads a variable: a list is JSON."""
    return json.loads(text) if isinstance(field.default, tuple) else text


def _alias(field: FieldInfo) -> str | None:
    return field.validation_alias if isinstance(field.validation_alias, str) else None


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple | list):
        return json.dumps([str(each) for each in value])
    return str(value)
