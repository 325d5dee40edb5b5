"""The one settings class: defaults for a laptop, names for operators, secrets that do not show."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from heliograph.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests."""
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(str(field.validation_alias or f"HELIOGRAPH_{name}".upper()), raising=False)


def test_nothing_has_to_be_set() -> None:
    settings = Settings()
    assert (settings.database_url, settings.temporal_address, settings.master_keys) == (None, None, None)


def test_each_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_settings_come_from_names_of_ours_and_of_temporals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_CHUNK", "64")
    monkeypatch.setenv("HELIOGRAPH_IMPORT_DIRECTORIES", '["/a", "/b"]')
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal:7233")
    monkeypatch.setenv("HELIOGRAPH_TEMPORAL_NAMESPACE", "not read")
    settings = Settings()
    assert (settings.chunk, settings.import_directories) == (64, (Path("/a"), Path("/b")))
    assert (settings.temporal_address, settings.temporal_namespace) == ("temporal:7233", "default")


def test_a_setting_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_CHUNK", "many")
    with pytest.raises(ValidationError, match="chunk"):
        Settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HELIOGRAPH_MASTER_KEYS", "HELIOGRAPH_API_KEY", "TEMPORAL_API_KEY"):
        monkeypatch.setenv(name, "hidden-value")
    assert "hidden-value" not in repr(Settings()) + str(Settings().model_dump())


def test_a_claim_outlives_its_call() -> None:
    """A lease that ends before the provider may answer would put every slow message in doubt."""
    settings = Settings()
    assert settings.lease_seconds > 2 * settings.provider_timeout_seconds
    assert settings.chunk >= settings.requests_in_flight
