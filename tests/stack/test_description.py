import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heliograph.errors import Conflict
from heliograph.settings import Settings
from heliograph.stack.description import Doors, PartDescription, StackDescription, last_stack, read_stack
from heliograph.stack.description import settings_of_running_stack as overlaid
from heliograph.stack.environment import environment_of, settings_with
from heliograph.stack.takeover import hold_directory, take_over

DOORS = Doors(
    api="http://127.0.0.1:8181",
    public="http://127.0.0.1:8181",
    temporal="127.0.0.1:7333",
    temporal_ui="http://127.0.0.1:8333",
    database="postgresql://heliograph@127.0.0.1:5433/heliograph",
    simulator="http://127.0.0.1:8191",
)


def written(directory: Path, *, stopped: bool = False) -> StackDescription:
    now = datetime.now(UTC)
    stack = StackDescription(
        pid=os.getpid(),
        started_at=now,
        stopped_at=now if stopped else None,
        doors=DOORS,
        parts={"api": PartDescription(pid=12)},
        reachable_hosts=("10.0.0.5:8443",),
    )
    stack.write(directory)
    return stack


def test_a_running_stack_is_found(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        stack = written(tmp_path)
        assert read_stack(tmp_path) == stack


def test_a_stack_whose_supervisor_is_gone_does_not_run_though_its_file_says_so(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        written(tmp_path)
    assert read_stack(tmp_path) is None
    assert last_stack(tmp_path) is not None


def test_nothing_runs_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert read_stack(tmp_path) is None
    assert read_stack(tmp_path / "missing") is None


def test_a_spoilt_file_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"pid": ')
    assert last_stack(tmp_path) is None


def test_only_its_owner_may_read_the_addresses(tmp_path: Path) -> None:
    written(tmp_path)
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


def test_a_second_stack_is_refused_and_told_where_the_doors_of_the_first_are(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        written(tmp_path)
        with pytest.raises(Conflict) as refused, hold_directory(tmp_path):
            pass
    assert str(os.getpid()) in refused.value.detail
    assert "http://127.0.0.1:8181" in refused.value.detail
    assert "postgresql://" not in refused.value.detail, "an address may hold a password"


def test_a_stack_that_was_killed_is_taken_over_with_a_message(tmp_path: Path) -> None:
    written(tmp_path)
    notes: list[str] = []
    last = take_over(tmp_path, notes.append)
    assert last is not None
    assert last.doors == DOORS
    assert "did not stop cleanly" in notes[0]


def test_a_stack_that_stopped_is_followed_in_silence(tmp_path: Path) -> None:
    written(tmp_path, stopped=True)
    notes: list[str] = []
    take_over(tmp_path, notes.append)
    assert notes == []


def test_commands_go_through_the_doors_of_the_running_stack(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        written(tmp_path)
        found = overlaid(Settings(data_dir=tmp_path))
    assert found.database_url == DOORS.database
    assert found.temporal_address == DOORS.temporal
    assert found.api_port == 8181
    assert found.simulator_url == DOORS.simulator


def test_a_command_may_reach_what_the_stacks_operator_listed(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        written(tmp_path)
        assert "10.0.0.5:8443" in overlaid(Settings(data_dir=tmp_path)).reachable_hosts
        assert set(overlaid(Settings(data_dir=tmp_path, reachable_hosts=("mine",))).reachable_hosts) > {
            "10.0.0.5:8443",
            "mine",
        }


def test_what_is_set_explicitly_stays(tmp_path: Path) -> None:
    with hold_directory(tmp_path):
        written(tmp_path)
        found = overlaid(Settings(data_dir=tmp_path, database_url="postgresql://elsewhere/db"))
    assert found.database_url == "postgresql://elsewhere/db"
    assert found.temporal_address == DOORS.temporal


def test_a_child_gets_the_same_settings_through_its_environment(tmp_path: Path) -> None:
    settings = settings_with(
        Settings(data_dir=tmp_path, database_url="postgresql://here/db", reachable_hosts=("gateway", "10.0.0.1:80")),
        {"TEMPORAL_ADDRESS": "there:7233", "HELIOGRAPH_LEASE_SECONDS": "5", "OTEL_SERVICE_NAME": "not ours"},
    )
    assert settings.lease_seconds == 5.0
    assert settings.temporal_address == "there:7233"
    environment = environment_of(settings)
    assert environment["HELIOGRAPH_DATA_DIR"] == str(tmp_path)
    assert environment["TEMPORAL_ADDRESS"] == "there:7233"
    assert settings_with(Settings(), environment) == settings
