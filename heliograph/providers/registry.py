"""Finds the providers: each module or package beside this one that has a `PROVIDER`."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import heliograph.providers
from heliograph.errors import InvalidInput
from heliograph.providers.protocol import Provider

_NOT_PROVIDERS = frozenset({"protocol", "registry", "shared"})


@cache
def providers() -> Mapping[str, Provider]:
    """Every kind of connector this installation knows, by key, in alphabetical order."""
    found: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(heliograph.providers.__path__):
        if module.name in _NOT_PROVIDERS:
            continue
        provider: Provider = import_module(f"heliograph.providers.{module.name}").PROVIDER
        found[provider.key] = provider
    return MappingProxyType(dict(sorted(found.items())))


def provider(key: str) -> Provider:
    """The kind of connector with this key; `InvalidInput` naming the known ones when there is none."""
    try:
        return providers()[key]
    except KeyError:
        known = ", ".join(providers())
        raise InvalidInput.of("provider", f"{key!r} is not known here; one of: {known}", "unknown_provider") from None
