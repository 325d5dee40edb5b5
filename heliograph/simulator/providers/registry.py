"""Finds the simulated providers: each module beside this one has an `API`, and stands under `/<module's name>/`."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Protocol

import heliograph.simulator.providers
from heliograph.simulator.desk import Desk
from heliograph.simulator.http import Reply, Request


class ProviderApi(Protocol):
    """A simulated provider. A reset of the simulator opens it anew."""

    def __init__(self, desk: Desk) -> None:
        """Takes the desk that all of them share."""

    def answer(self, request: Request) -> Reply:
        """The reply to a request; its path is the provider's own, beginning with a slash."""


@cache
def _found() -> Mapping[bytes, type[ProviderApi]]:
    names = [module.name for module in pkgutil.iter_modules(heliograph.simulator.providers.__path__)]
    modules = {name: import_module(f"heliograph.simulator.providers.{name}") for name in names if name != "registry"}
    return {name.encode(): module.API for name, module in modules.items() if hasattr(module, "API")}


def open_apis(desk: Desk) -> dict[bytes, ProviderApi]:
    """Every simulated provider at this desk, by the first part of its paths."""
    return {key: api(desk) for key, api in _found().items()}
