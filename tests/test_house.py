import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("temporalio", "fastapi", "sqlmodel", "asyncpg", "twilio", "jinja2", "opentelemetry-sdk")


@pytest.mark.parametrize(
    "place", ["workflows", "activities", "api", "worker.py", "tests", "docker-compose.yml", "pyproject.toml"]
)
def test_the_top_level_holds_what_the_user_asked_for(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_a_dependency_and_in_use(package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {line.partition("[")[0].partition("=")[0] for line in project["dependencies"]}
    assert package in names
    module = package.removesuffix("-sdk")
    sources = [
        path.read_text()
        for folder in ("heliograph", "workflows", "activities", "api")
        for path in (ROOT / folder).rglob("*.py")
    ]
    assert any(f"import {module}" in source or f"from {module}" in source for source in sources)


def test_no_address_of_a_registry_stands_in_the_lock() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()
