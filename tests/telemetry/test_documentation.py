"""The page lists what the code exports."""

from pathlib import Path

import pytest

from heliograph.telemetry.instruments import INSTRUMENTS, Instrument

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.name)
def test_every_metric_stands_on_the_page_with_unit_and_attributes(instrument: Instrument) -> None:
    [row] = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{instrument.name}` ")]
    assert f"| {instrument.kind.value} | {instrument.unit} |" in row
    for attribute in instrument.attributes:
        assert attribute in row
