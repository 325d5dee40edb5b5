"""`heliograph bench`: how fast it goes, each time beside what this machine can do at most."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from heliograph.cli.output import AsJson, console, errors, print_json
from heliograph.cli.session import run
from heliograph.errors import InvalidInput

if TYPE_CHECKING:
    from bench.catalogue import Bench
    from bench.figures import Options

Line = Mapping[str, Any]
ROUNDS = 3


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which; without a name all of them.")] = None,
    recipients: Annotated[
        int | None, typer.Option(min=10, help="Recipients (or rows, or messages) instead of each bench's own number.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often both sides are measured.")] = ROUNDS,
    as_json: AsJson = False,
) -> None:
    """Measure messages, imports and receipts a second, each against a limit measured in turn in the same run.

    Each bench starts a stack of its own and leaves nothing running. With --json it ends with one line per bench.
    """
    from bench.figures import Options  # noqa: PLC0415  # only this command needs the benches

    chosen = _chosen(names or [])
    options = Options(recipients=recipients, rounds=rounds, report=_report)
    lines = {each.name: _measured(each, options, as_json=as_json) for each in chosen}
    if not as_json:
        console.print(_table(chosen, lines))


def _chosen(names: list[str]) -> "list[Bench]":
    from bench.catalogue import BENCHES  # noqa: PLC0415

    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        raise InvalidInput.of("names", f"there is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    return [BENCHES[name] for name in names] or list(BENCHES.values())


def _measured(each: "Bench", options: "Options", *, as_json: bool) -> Line:
    from bench.figures import Skipped  # noqa: PLC0415

    errors.print(f"▸ {each.name}", style="bold cyan", markup=False)

    async def measure() -> Line:
        return await each.measure(options)

    try:
        line: Line = {**run(measure()), "to_reach": str(each.reach)}
        line = {**line, "reached": each.reached(line)}
    except Skipped as skipped:
        errors.print(f"  skipped: {skipped}", style="yellow", markup=False)
        line = {"name": each.name, "skipped": str(skipped)}
    if as_json:
        print_json(line)
    return line


def _table(chosen: "list[Bench]", lines: Mapping[str, Line]) -> Table:
    table = Table()
    for title in ("bench", "ours", "limit", "unit", "ratio", "to reach", "reached"):
        table.add_column(title, justify="left" if title in {"bench", "unit", "reached"} else "right")
    for each in chosen:
        line = lines[each.name]
        if "skipped" in line:
            table.add_row(each.name, "", "", "", "", str(each.reach), f"skipped: {line['skipped']}")
            continue
        verdict = "[green]yes[/]" if line["reached"] else "[red]no[/]"
        figures = (f"{line['ours']:,.1f}", f"{line['limit']:,.1f}", line["unit"])
        table.add_row(each.name, *figures, f"{line['ratio']:.2f}", str(each.reach), verdict)
        for field, reach in each.also.items():
            mark = "[green]yes[/]" if reach.reached(line[field]) else "[red]no[/]"
            table.add_row(f"  {field}", "", "", "", f"{line[field]:.2f}", str(reach), mark)
    return table


def _report(text: str) -> None:
    errors.print(f"  {time.strftime('%H:%M:%S')}  {text}", markup=False)
