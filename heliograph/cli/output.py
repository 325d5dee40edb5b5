"""How the command line speaks: tables and colours for people, one JSON document with `--json`."""

import sys
from typing import Annotated, Any

import orjson
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Column

from heliograph.errors import HeliographError

_WIDTH_OF_FILES = 160
"""Columns where nobody looks at a terminal: a pipe or a file must not lose the ends of cells."""

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def id_column(name: str = "id") -> Column:
    """A column that never cuts what it shows: ids are there to be copied."""
    return Column(name, no_wrap=True, overflow="ignore", min_width=36)


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def print_json(value: object) -> None:
    """One line of JSON on standard output: models, dataclasses, enumerations, UUIDs and instants included."""
    document = orjson.dumps(value, default=_as_plain, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    sys.stdout.write(document.decode())
    sys.stdout.flush()


def _as_plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)


def print_error(error: HeliographError, *, as_json: bool) -> None:
    """What went wrong, and which rule of which field was broken, on standard error."""
    if as_json:
        broken = [{"field": rule.field, "rule": rule.rule, "code": rule.code} for rule in error.errors]
        sys.stderr.write(orjson.dumps({"code": error.code, "detail": error.detail, "errors": broken}).decode() + "\n")
        return
    errors.print(f"error: {error.detail}", style="red", markup=False)
    for rule in error.errors:
        line = f"{rule.field}: {rule.rule}"
        if line != error.detail:
            errors.print(f"  {line}", markup=False)
