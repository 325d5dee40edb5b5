"""The demo as a newcomer runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HELIOGRAPH = Path(sys.executable).with_name("heliograph")


@pytest.mark.slow
def test_the_demo_proves_its_campaign_and_leaves_nothing_running(tmp_path: Path) -> None:
    done = subprocess.run(
        [HELIOGRAPH, "--data-dir", str(tmp_path), "demo", "--rows", "600"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["balanced"] is True
    assert found["in_doubt"] == 0
    assert found["duplicates"] == 0
    assert found["audience"] + found["rejected_rows"] == 600
    assert sum(found["states"].values()) == found["audience"]
    assert found["messages_per_second"] > 0
    assert found["seconds"] > 0
    assert not (tmp_path / "demo").exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in running
