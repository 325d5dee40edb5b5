"""`heliograph doctor`: what is wrong with an installation, and what to do about it."""

from collections.abc import AsyncIterator
from functools import partial

import typer
from rich.markup import escape
from rich.table import Table

from heliograph.cli.output import AsJson, console, print_json
from heliograph.cli.session import current_settings, run
from heliograph.settings import Settings
from heliograph.stack import examine_machine, examine_servers
from heliograph.stack.diagnosis import Finding, Verdict, examine

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}
_SETUP = "run `make setup`"
_DIRECTORY = "set HELIOGRAPH_DATA_DIR to a directory that this user can write"


def doctor(as_json: AsJson = False) -> None:
    """Check the installation and, where it runs, the stack. Ends with 1 if something failed."""
    findings = run(_examine_all(current_settings()))
    healthy = all(finding.verdict is not Verdict.FAILED for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "findings": findings})
    else:
        console.print(_table(findings))
    if not healthy:
        raise typer.Exit(1)


async def _examine_all(settings: Settings) -> list[Finding]:
    return [finding async for finding in _findings(settings)]


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    yield await examine("python", examine_machine.python, "install Python 3.11")
    yield await examine("packages", examine_machine.packages, _SETUP)
    yield await examine("postgres program", examine_machine.postgres_program, _SETUP)
    yield await examine("temporal program", examine_machine.temporal, _SETUP)
    yield await examine("user", partial(examine_machine.user, settings), _DIRECTORY)
    yield await examine("data directory", partial(examine_machine.data_directory, settings), _DIRECTORY)
    yield await examine("ports", partial(examine_machine.ports, settings), "close a program that listens")
    advice = "check HELIOGRAPH_MASTER_KEYS, or the file master-keys in the data directory"
    yield await examine("key ring", partial(examine_machine.key_ring, settings), advice)
    advice = "check HELIOGRAPH_DATABASE_URL, and the server"
    yield await examine("database", partial(examine_servers.database, settings), advice)
    for examined in (
        examine_servers.receipts,
        examine_servers.connectors,
        examine_servers.webhooks,
        examine_servers.temporal,
    ):
        for finding in await examined(settings):
            yield finding
    if settings.database_url is not None:
        yield await examine_servers.api(settings)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        verdict = f"[{_COLOURS[finding.verdict]}]{finding.verdict.value}[/]"
        advice = f"\n→ {escape(finding.advice)}" if finding.advice else ""
        table.add_row(verdict, finding.check, escape(finding.text) + advice)
    return table
