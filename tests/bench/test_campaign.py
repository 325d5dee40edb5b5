"""One small run of a real bench: its line, not its figures."""

import asyncio
import subprocess
import sys

import orjson
import pytest


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_campaign_bench_ends_with_its_json_line() -> None:
    command = [sys.executable, "-m", "heliograph.cli", "bench", "campaign", "--recipients", "200", "--rounds", "1"]
    done = await asyncio.to_thread(subprocess.run, [*command, "--json"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    line = orjson.loads(done.stdout.splitlines()[-1])
    assert line["name"] == "campaign"
    assert line["unit"] == "messages/s"
    assert line["recipients"] == 200
    assert line["ours"] > 0
    assert line["limit"] > 0
    assert line["ratio"] == pytest.approx(line["ours"] / line["limit"], rel=0.01)


def test_an_unknown_bench_is_refused_with_the_names_there_are() -> None:
    command = [sys.executable, "-m", "heliograph.cli", "bench", "speed"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"there is no bench speed; there are campaign, campaign-full, campaign-http, growth" in done.stderr
