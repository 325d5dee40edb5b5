import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from heliograph.contracts import Lane
from heliograph.settings import Settings
from heliograph.stack.environment import variable

ROOT = Path(__file__).parents[2]
ONE_SHOT = {"temporal-schema", "temporal-namespace", "migrate"}


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_lane_has_its_workers(compose: Any) -> None:
    commands = [service.get("command", []) for service in compose["services"].values()]
    lanes = [command[-1] for command in commands if "--lanes" in command]
    assert sorted(lanes) == sorted(lane.value for lane in Lane)
    assert compose["services"]["worker-bulk"]["deploy"]["replicas"] == 2


def test_what_a_service_waits_for_exists_and_can_show_that_it_is_ready(compose: Any) -> None:
    for name, service in compose["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            other = compose["services"][needed]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in other, f"{name} waits for the health of {needed}"
            else:
                assert needed in ONE_SHOT, f"{name} waits for the end of {needed}"


def test_no_secret_has_a_default(compose: Any) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "HELIOGRAPH_MASTER_KEYS"):
        uses = re.findall(rf"\$\{{{name}(\W)", text)
        assert uses
        assert set(uses) == {":"}, f"{name} is always required"
        assert f"${{{name}:-" not in text


def test_every_variable_is_a_setting_of_ours(compose: Any) -> None:
    known = {variable(name) for name in Settings.model_fields}
    ours = {name for name in compose["x-environment"] if not name.startswith("OTEL_")}
    assert ours <= known


def test_mounted_files_and_volumes_exist(compose: Any) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]


def test_the_collector_uses_only_what_it_defines() -> None:
    collector = yaml.safe_load((ROOT / "deploy" / "otel-collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(collector[kind])


def test_the_page_on_operation_lists_the_present_settings() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    missing = [variable(name) for name in Settings.model_fields if f"| `{variable(name)}` |" not in page]
    assert missing == [], "run `make docs`"


def test_the_lock_names_no_registry() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index-url" not in lock
