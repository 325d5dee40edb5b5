"""An import from its first byte to its end: what is kept, what is rejected, what survives."""

import asyncio
import csv
from pathlib import Path

import asyncpg
import pytest

from heliograph.db.engine import Database
from heliograph.db.tables import Workspace
from heliograph.errors import Transient
from heliograph.services.importing import run as run_module
from heliograph.services.importing.run import ImportProgress
from heliograph.simulator.audience_file import write_audience
from tests.services.importing.files import PreparedImport, prepare_import

PHONES = "phone,name\n+4915123456701,Anna\n+4915123456702,Ben\n+4915123456701,Anna again\n"


def _rejects(prepared: PreparedImport) -> list[list[str]]:
    with prepared.rejects.open(newline="") as file:
        return list(csv.reader(file))[1:]


async def test_rows_are_numbered_from_one_and_duplicates_point_to_the_first(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=PHONES)
    outcome = await prepared.run()
    assert (outcome.rows_added, outcome.rows_rejected, outcome.duplicates) == (3, 0, 1)
    assert await prepared.rows() == [(1, "+4915123456701", None), (2, "+4915123456702", None), (3, "+4915123456701", 1)]
    audience = await prepared.audience()
    assert (audience["row_count"], audience["duplicate_count"], audience["columns"]) == (3, 1, ["name"])


async def test_a_second_import_goes_on_counting_and_finds_duplicates_of_the_first(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    first = await prepare_import(database, workspace, tmp_path / "a.csv", data=PHONES)
    await first.run()
    more = "mobile;city\n0151 23456702;Köln\n0151 23456709;Bonn\n0151 23456709;Bonn\n"
    second = await prepare_import(database, workspace, tmp_path / "b.csv", data=more, audience=await first.audience())
    outcome = await second.run()
    assert (outcome.rows_added, outcome.duplicates) == (3, 2)
    assert (await second.rows())[3:] == [
        (4, "+4915123456702", 2),
        (5, "+4915123456709", None),
        (6, "+4915123456709", 5),
    ]
    audience = await second.audience()
    assert (audience["row_count"], audience["duplicate_count"], audience["columns"]) == (6, 3, ["name", "city"])


async def test_a_bad_row_never_stops_an_import(database: Database, workspace: Workspace, tmp_path: Path) -> None:
    data = (
        b'phone,country,name\n12,DE,Short\n0151 23456701,DE,Good\n\xff,DE,Bytes\n"x"y,DE,Quote\n+49,\n0151 1,XX,Land\n'
    )
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=data)
    outcome = await prepared.run()
    assert (outcome.rows_added, outcome.rows_rejected) == (1, 5)
    assert [line[:3] for line in _rejects(prepared)] == [
        ["2", "phone", "number_too_short"],
        ["4", "", "not_decodable"],
        ["5", "", "malformed"],
        ["6", "", "field_count"],
        ["7", "country", "unknown_region"],
    ]
    assert sum((await prepared.ledger())["reasons"].values()) == 5


async def test_empty_cells_are_variables_that_are_not_there(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    data = 'phone,First name,Note\n+4915123456701, Anna ,""\n+4915123456702,,"tab\there \\N \\. ""q"" 🌸\n"\n'
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=data)
    await prepared.run()
    assert await prepared.variables() == [{"first_name": "Anna"}, {"note": 'tab\there \\N \\. "q" 🌸'}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
async def test_every_encoding_gives_the_same_rows(
    database: Database, workspace: Workspace, tmp_path: Path, encoding: str
) -> None:
    data = "phone;Name\n+4915123456701;Łukasz\n+4915123456702;健太\n".encode(encoding)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=data)
    await prepared.run()
    assert await prepared.variables() == [{"name": "Łukasz"}, {"name": "健太"}]


async def test_a_declared_encoding_is_used(database: Database, workspace: Workspace, tmp_path: Path) -> None:
    data = "phone;Name\n+4915123456701;Zoë €\n".encode("cp1252")
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=data, encoding="windows-1252")
    await prepared.run()
    assert await prepared.variables() == [{"name": "Zoë €"}]


async def test_a_truncated_file_keeps_everything_before_the_cut(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    data = 'phone,name\n+4915123456701,Anna\n+4915123456702,"cut o\nff here,'
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=data)
    outcome = await prepared.run()
    assert (outcome.rows_added, outcome.rows_rejected) == (1, 1)
    assert _rejects(prepared)[0][:3] == ["3", "", "unclosed_quote"]


async def test_a_row_longer_than_a_mebibyte_is_rejected_alone(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    long = "x" * (3 * 2**20)
    data = f"phone,name\n+4915123456701,Anna\n+4915123456702,{long}\n+4915123456703,Cleo\n"
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=data)
    outcome = await prepared.run()
    assert (outcome.rows_added, outcome.rows_rejected) == (2, 1)
    (reject,) = _rejects(prepared)
    assert reject[:3] == ["3", "", "row_too_long"]
    assert len(reject[4]) <= 201


async def test_a_finished_import_removes_its_file_and_running_it_again_changes_nothing(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=PHONES)
    first = await prepared.run()
    assert not prepared.file.exists()
    assert await prepared.run() == first
    assert len(await prepared.rows()) == 3


async def test_a_file_that_is_gone_fails_the_import_and_says_so(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", data=PHONES)
    prepared.file.unlink()
    outcome = await prepared.run()
    assert outcome.error is not None
    assert "upload it again" in outcome.error
    assert (await prepared.ledger())["status"] == "failed"


async def test_rows_belong_to_the_audience_only_when_the_import_has_ended(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    write_audience(tmp_path / "a.csv", 30_000, bad_rows=30, duplicates=300)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)
    with pytest.raises(Transient):
        await prepared.run(halt=lambda: True)
    assert await prepared.rows() != []
    assert (await prepared.audience())["row_count"] == 0


async def test_an_import_halted_at_every_chunk_is_the_same_as_one_in_one_go(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("whole.csv", "halting.csv"):
        write_audience(tmp_path / name, 40_000, bad_rows=40, duplicates=400)
    whole = await prepare_import(database, workspace, tmp_path / "whole.csv", region=None)
    halting = await prepare_import(database, workspace, tmp_path / "halting.csv", region=None)
    expected = await whole.run()
    halts = 0
    while True:
        try:
            outcome = await halting.run(halt=lambda: True)
            break
        except Transient:
            halts += 1
            with halting.rejects.open("ab") as file:
                file.write(b"written, never committed\n")
    assert halts >= 1
    assert outcome == expected
    assert await halting.rows() == await whole.rows()
    assert halting.rejects.read_bytes() == whole.rejects.read_bytes()


async def test_two_processes_on_one_import_add_nothing_twice(
    database: Database, workspace: Workspace, tmp_path: Path
) -> None:
    write_audience(tmp_path / "a.csv", 40_000, bad_rows=40, duplicates=400)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)

    async def stubbornly() -> None:
        while True:
            try:
                await prepared.run()
            except Transient:
                continue
            return

    await asyncio.gather(stubbornly(), stubbornly())
    rows = await prepared.rows()
    assert [number for number, _, _ in rows] == list(range(1, 39_961))
    assert len(_rejects(prepared)) == 40


async def test_progress_is_told_after_each_commit(database: Database, workspace: Workspace, tmp_path: Path) -> None:
    write_audience(tmp_path / "a.csv", 30_000)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)
    told: list[ImportProgress] = []
    await prepared.run(report=told.append)
    assert len(told) >= 2
    assert [progress.percent for progress in told] == sorted(progress.percent for progress in told)
    assert told[-1].percent == 100


async def test_a_connection_that_breaks_leaves_the_chunk_undone(
    database: Database, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audience(tmp_path / "a.csv", 30_000)
    prepared = await prepare_import(database, workspace, tmp_path / "a.csv", region=None)

    def cut(_: ImportProgress) -> None:
        monkeypatch.setattr(run_module, "advance", _breaks)

    with pytest.raises(asyncpg.PostgresConnectionError):
        await prepared.run(report=cut)
    monkeypatch.undo()
    await prepared.run()
    assert [number for number, _, _ in await prepared.rows()] == list(range(1, 30_001))


async def _breaks(*_: object) -> bool:
    raise asyncpg.PostgresConnectionError("gone")
